"""Removal of what the setup created: the components of its solution, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from syncapp.crm.customizing.records import Component, ComponentType
from syncapp.crm.errors import NotFound
from syncapp.tenant.schema import TableSpec
from syncapp.tenant.setup.items import PUBLISHER, ROLE, SOLUTION, Environment, SetupError
from syncapp.tenant.setup.scripts import script_name

Tell = Callable[[str], None]
Delete = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Removal:
    """The deletions in order, and the components that stay because this command did not create them."""

    steps: tuple[tuple[str, Delete], ...]
    kept: tuple[str, ...]


def plan_removal(environment: Environment) -> Removal:
    """Return what to delete.

    Raises SetupError if the solution is managed, or while edits wait for review in a table that would be deleted.
    """
    solution = environment.reads.solution(SOLUTION)
    if solution is None:
        return Removal(tuple(_publisher(environment)), ())
    if solution.is_managed:
        raise SetupError(f"The solution {SOLUTION} is managed. Uninstall it in the maker portal.")
    components = environment.reads.components(solution.id)
    steps, known = _steps(environment, components)
    kinds = {int(kind): kind.name.lower().replace("_", " ") for kind in ComponentType}
    kept = tuple(
        f"{kinds.get(one.type, f'component of type {one.type}')} {one.object_id}"
        for one in components
        if one.object_id not in known
    )
    if not kept:
        steps.append((f"solution {SOLUTION}", partial(environment.writes.delete_row, "solutions", solution.id)))
        steps += _publisher(environment)
    return Removal(tuple(steps), kept)


def remove(removal: Removal, tell: Tell) -> None:
    """Delete the components in order; those already gone count as deleted."""
    for title, delete in removal.steps:
        try:
            delete()
        except NotFound:
            continue
        tell(f"deleted: {title}")


def _steps(environment: Environment, components: tuple[Component, ...]) -> tuple[list[tuple[str, Delete]], set[UUID]]:
    listed = {one.object_id: one for one in components}
    steps: list[tuple[str, Delete]] = []
    known: set[UUID] = set()
    for identity, title, delete in _single_rows(environment):
        if identity in listed:
            steps.append((title, delete))
            known.add(identity)
    for table in reversed(environment.schema.tables):
        _add_table(environment, table, listed, steps, known)
    _add_revision(environment, listed, steps, known)
    return steps, known


def _single_rows(environment: Environment) -> Iterator[tuple[UUID, str, Delete]]:
    script = environment.reads.web_resource(script_name(environment.names))
    if script:
        delete = partial(environment.writes.delete_row, "webresourceset", script.id)
        yield script.id, f"form script {script.name}", delete
    role = environment.reads.role(ROLE, environment.reads.top_unit())
    if role:
        yield role.id, f"security role {ROLE}", partial(environment.writes.delete_row, "roles", role.id)


def _add_table(
    environment: Environment,
    table: TableSpec,
    listed: dict[UUID, Component],
    steps: list[tuple[str, Delete]],
    known: set[UUID],
) -> None:
    identity = environment.reads.table_id(table.name)
    if identity is None or identity not in listed:
        return
    known.add(identity)
    if listed[identity].has_parts:
        if environment.reads.has_open_rows(table.set_name):
            raise SetupError(
                f"{table.name} holds edits that wait for review. Decide them first; removing would lose them."
            )
        steps.append((f"table {table.name}", partial(environment.writes.delete_table, identity)))
        # A CRM may also list parts of the table as components of their own.
        for ids in (environment.reads.column_ids, environment.reads.key_ids, environment.reads.relationship_ids):
            known.update(ids(table.name).values())
    else:
        _add_parts(environment, table, listed, steps, known)


def _add_parts(
    environment: Environment,
    table: TableSpec,
    listed: dict[UUID, Component],
    steps: list[tuple[str, Delete]],
    known: set[UUID],
) -> None:
    """Add the keys, lookups and columns that the setup added to a table of the company's own."""
    writes = environment.writes
    for name, identity in environment.reads.key_ids(table.name).items():
        if identity in listed:
            steps.append((f"key {name} of {table.name}", partial(writes.delete_key, table.name, identity)))
            known.add(identity)
    for name, identity in environment.reads.relationship_ids(table.name).items():
        if identity in listed:
            steps.append((f"lookup {name}", partial(writes.delete_relationship, identity)))
            known.add(identity)
    lookups = {column.name for column in table.columns if column.target}
    for name, identity in environment.reads.column_ids(table.name).items():
        if identity in listed:
            known.add(identity)
            if name not in lookups:
                delete = partial(writes.delete_column, table.name, name)
                steps.append((f"column {table.name}.{name}", delete))


def _add_revision(
    environment: Environment, listed: dict[UUID, Component], steps: list[tuple[str, Delete]], known: set[UUID]
) -> None:
    contact = environment.reads.table_id("contact")
    if contact is None or contact not in listed:
        return
    # The contact table itself is only referred to by the solution.
    known.add(contact)
    name = environment.names.contact_revision
    identity = environment.reads.column_ids("contact").get(name)
    if identity in listed:
        known.add(identity)
        steps.append((f"column contact.{name}", partial(environment.writes.delete_column, "contact", name)))


def _publisher(environment: Environment) -> Iterator[tuple[str, Delete]]:
    publisher = environment.reads.publisher(PUBLISHER)
    if publisher and not set(environment.reads.solutions_of(publisher.id)) - {SOLUTION}:
        delete = partial(environment.writes.delete_row, "publishers", publisher.id)
        yield f"publisher {PUBLISHER}", delete
