"""The plan, which says whether each item exists, differs or would be created, and its execution."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from syncapp.crm.customizing.records import Publisher, Solution
from syncapp.tenant.setup import auditing
from syncapp.tenant.setup.items import (
    OPTION_PREFIX,
    PUBLISHER,
    SOLUTION,
    SOLUTION_LABEL,
    Environment,
    Item,
    Options,
    SetupError,
    State,
)
from syncapp.tenant.setup.roles import role_items
from syncapp.tenant.setup.scripts import script_items, script_name
from syncapp.tenant.setup.tables import FAILED_INDEX, key_of, revision_items, staging_items

INDEX_SECONDS = 900.0
_POLL_SECONDS = 5.0

Tell = Callable[[str], None]


def make_plan(environment: Environment, options: Options) -> tuple[Item, ...]:
    """Return all items in the order in which they are written. Raises CrmError, SetupError.

    A solution is created only if something goes into it.
    """
    if options.revision and environment.schema.revision is None:
        raise SetupError("CRM_NAMES names no contact_revision, so there is no revision column to create.")
    components = environment.component_ids()
    parts = staging_items(environment)
    if options.revision:
        parts += (*revision_items(environment), *script_items(environment, components))
    parts += role_items(environment, components)
    if options.auditing:
        parts += auditing.items(environment)
    if not components and all(item.state is not State.CREATE for item in parts):
        return parts
    publisher = environment.reads.publisher(PUBLISHER)
    solution = environment.reads.solution(SOLUTION)
    return (_publisher(environment, publisher), _solution(environment, publisher, solution), *parts)


def apply_plan(items: tuple[Item, ...], tell: Tell) -> None:
    """Create and change the items in order. Raises SetupError before the first write if an item differs."""
    differing = [item for item in items if item.state is State.DIFFERS]
    if differing:
        listed = "\n".join(f"  {item.title}: {item.detail}" for item in differing)
        raise SetupError(f"Nothing was written, because these differ from what the portal needs:\n{listed}")
    for item in items:
        if item.apply is not None:
            item.apply()
            tell(f"{'created' if item.state is State.CREATE else 'changed'}: {item.title}")


def wait_for_keys(
    environment: Environment,
    tell: Tell,
    *,
    seconds: float = INDEX_SECONDS,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Wait until the index of every alternate key is active. Raises SetupError when one fails or takes too long."""
    until = time.monotonic() + seconds
    for table in environment.schema.tables:
        for wanted in table.keys:
            while True:
                found = key_of(wanted, environment.crm.metadata.keys(table.name))
                status = found.index_status if found else "absent"
                if found and found.is_enforced:
                    break
                if status == FAILED_INDEX:
                    raise SetupError(
                        f"The CRM could not build the index of the key {wanted.name} of {table.name}. "
                        "Delete the key and run this again."
                    )
                if time.monotonic() >= until:
                    raise SetupError(
                        f"The index of the key {wanted.name} of {table.name} is still {status}. Everything else is "
                        "done. The CRM goes on building it: run this command again later."
                    )
                tell(f"waiting for the index of the key of {table.name} ({status})")
                time.sleep(poll_seconds)


def publish(environment: Environment, options: Options) -> None:
    """Publish the staging tables, and the contact and the script if they are part of the setup."""
    tables = [table.name for table in environment.schema.tables]
    tables += ["contact"] if options.revision or options.auditing else []
    script = environment.reads.web_resource(script_name(environment.names)) if options.revision else None
    environment.writes.publish(tables, [script.id] if script else [])


def _publisher(environment: Environment, found: Publisher | None) -> Item:
    title, prefix = f"publisher {PUBLISHER}", environment.schema.prefix
    if not prefix:
        return Item(title, State.DIFFERS, "The name of the staging table in CRM_NAMES has no prefix.")
    if found is None:
        create = partial(
            environment.writes.create_publisher,
            PUBLISHER,
            label=SOLUTION_LABEL,
            prefix=prefix,
            option_prefix=OPTION_PREFIX,
        )
        return Item(title, State.CREATE, f"prefix {prefix}", create)
    if found.prefix != prefix:
        return Item(title, State.DIFFERS, f"Its prefix is {found.prefix}, but the tables’ is {prefix}.")
    return Item(title, State.EXISTS)


def _solution(environment: Environment, publisher: Publisher | None, found: Solution | None) -> Item:
    title = f"solution {SOLUTION}"
    if found is None:
        return Item(title, State.CREATE, "unmanaged", partial(_create_solution, environment))
    if found.is_managed:
        return Item(title, State.DIFFERS, "It is managed, so nothing can be added to it.")
    if publisher is None or found.publisher_id != publisher.id:
        return Item(title, State.DIFFERS, f"Its publisher is not {PUBLISHER}.")
    return Item(title, State.EXISTS)


def _create_solution(environment: Environment) -> None:
    publisher = environment.reads.publisher(PUBLISHER)
    if publisher is None:
        raise SetupError(f"The publisher {PUBLISHER} is not there. Run this command again.")
    description = "Made by the Outlook Sync Portal. Its command crm_setup --remove takes everything out again."
    environment.writes.create_solution(label=SOLUTION_LABEL, description=description, publisher=publisher.id)
