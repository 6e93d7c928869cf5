"""The staging tables and the revision column, compared with what the CRM has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from syncapp.crm.errors import NotFound
from syncapp.crm.metadata.tables import ACTIVE_INDEX, AlternateKey, TableDefinition
from syncapp.crm.staging.records import Column
from syncapp.tenant.schema import ColumnSpec, KeySpec, TableSpec, differences
from syncapp.tenant.setup.items import Environment, Item, State

FAILED_INDEX = "Failed"


def staging_items(environment: Environment) -> tuple[Item, ...]:
    """Return the items for both staging tables, parents first."""
    return tuple(item for table in environment.schema.tables for item in _table(environment, table))


def revision_items(environment: Environment) -> tuple[Item, ...]:
    """Return the item for the contact's revision column. Raises ValueError if CRM_NAMES names none."""
    wanted = environment.schema.revision
    if wanted is None:
        raise ValueError("no revision column")
    return (_column(environment, "contact", wanted, environment.crm.columns("contact")),)


def _table(environment: Environment, wanted: TableSpec) -> Iterator[Item]:
    title = f"table {wanted.name}"
    columns: tuple[Column, ...] = ()
    keys: tuple[AlternateKey, ...] = ()
    try:
        found = environment.crm.metadata.table(wanted.name)
    except NotFound:
        yield Item(title, State.CREATE, wanted.description, partial(environment.writes.create_table, wanted))
    else:
        columns = environment.crm.columns(wanted.name)
        keys = environment.crm.metadata.keys(wanted.name)
        yield _existing_table(title, wanted, found)
        tracking = f"change tracking of {found.name}"
        if found.tracks_changes:
            yield Item(tracking, State.EXISTS)
        else:
            turn_on = partial(environment.writes.track_changes, found.name)
            yield Item(tracking, State.CHANGE, "It cannot be turned off again.", turn_on)
    new = not columns
    for column in wanted.columns[1:] if new else wanted.columns:
        yield _column(environment, wanted.name, column, columns)
    for key in wanted.keys:
        yield _key(environment, wanted, key, keys)


def _existing_table(title: str, wanted: TableSpec, found: TableDefinition) -> Item:
    sentences = []
    if found.set_name != wanted.set_name:
        sentences.append(f"Its set name is {found.set_name}, but CRM_NAMES says {wanted.set_name}.")
    if found.id_column != wanted.id_column:
        sentences.append(f"Its id is {found.id_column}, but CRM_NAMES says {wanted.id_column}.")
    return Item(title, State.DIFFERS if sentences else State.EXISTS, " ".join(sentences))


def _column(environment: Environment, table: str, wanted: ColumnSpec, columns: Sequence[Column]) -> Item:
    title = f"column {table}.{wanted.name}"
    found = next((column for column in columns if column.name == wanted.name), None)
    if found is None:
        kind = f"lookup to {wanted.target}" if wanted.target else str(wanted.type).replace("_", " ")
        detail = f"{kind}, {wanted.max_length:,} characters" if wanted.max_length else kind
        return Item(title, State.CREATE, detail, partial(environment.writes.create_column, table, wanted))
    sentences = differences(wanted, found)
    return Item(title, State.DIFFERS if sentences else State.EXISTS, " ".join(sentences))


def _key(environment: Environment, table: TableSpec, wanted: KeySpec, keys: Sequence[AlternateKey]) -> Item:
    title = f"key {', '.join(wanted.columns)} of {table.name}"
    found = key_of(wanted, keys)
    if found is None and any(key.name == wanted.name for key in keys):
        return Item(title, State.DIFFERS, f"A key named {wanted.name} has other columns.")
    if found is None:
        return Item(title, State.CREATE, "", partial(environment.writes.create_key, table.name, wanted))
    if found.index_status == FAILED_INDEX:
        return Item(title, State.DIFFERS, f"Its index has failed. Delete the key {found.name} and run this again.")
    detail = "" if found.is_enforced else f"Its index is not {ACTIVE_INDEX} yet, but {found.index_status}."
    return Item(title, State.EXISTS, detail)


def key_of(wanted: KeySpec, keys: Sequence[AlternateKey]) -> AlternateKey | None:
    """Return the CRM's key with the wanted columns; its name may differ."""
    return next((key for key in keys if set(key.columns) == set(wanted.columns)), None)
