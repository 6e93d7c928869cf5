"""The form script that raises the contact's revision, as a web resource. A person has to add it to the forms."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from uuid import UUID

from syncapp.crm.names import Names
from syncapp.tenant.schema import staging_schema
from syncapp.tenant.setup.items import Environment, Item, State

_SOURCE = Path(__file__).with_name("script.js")


def script_name(names: Names) -> str:
    """Return the name of the web resource, which begins with the publisher's prefix."""
    return f"{staging_schema(names).prefix}_contact_revision.js"


def script_of(column: str) -> bytes:
    """Return the script for a revision column."""
    return _SOURCE.read_text(encoding="utf-8").replace("{column}", column).encode()


def script_items(environment: Environment, components: Collection[UUID]) -> tuple[Item, ...]:
    """Return the item for the form script; `components` are the ids in our solution."""
    name, content = script_name(environment.names), script_of(environment.names.contact_revision)
    title = f"form script {name}"
    found = environment.reads.web_resource(name)
    if found is None:
        create = partial(environment.writes.create_script, name, label="Outlook Sync Portal: revision", content=content)
        return (Item(title, State.CREATE, "raises the revision when a form saves a contact", create),)
    if found.content == content:
        return (Item(title, State.EXISTS),)
    if found.id not in components:
        return (Item(title, State.DIFFERS, "A web resource of this name has different content."),)
    return (Item(title, State.CHANGE, "", partial(environment.writes.change_script, found.id, content)),)


def form_steps(names: Names) -> str:
    """Return the steps that a person has to take for the script to run."""
    column, library = names.contact_revision, script_name(names)
    return (
        f"On each contact form: add the column {column} (it may be hidden), add the library {library}, and add "
        "OutlookSyncPortal.raiseRevision to On Save with “Pass execution context as first parameter”. Then save and "
        "publish the form."
    )
