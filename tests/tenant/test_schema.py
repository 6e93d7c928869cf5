"""The staging schema against the tables that the sandbox's company has, and comparison of single columns."""

from __future__ import annotations

import pytest

from syncapp.connection import clients
from syncapp.crm.names import Names
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.tenant import schema
from syncapp.tenant.schema import ColumnSpec

STAGING = schema.staging_schema(Names())
CHOICE = next(column for column in STAGING.fields.columns if column.type is ColumnType.CHOICE)
LOOKUP = next(column for column in STAGING.records.columns if column.target == "contact")
TEXT = ColumnSpec("new_text", "Text", "", ColumnType.TEXT, max_length=100)


def found(wanted: ColumnSpec, **changes) -> Column:
    same = {"options": wanted.options, "targets": (wanted.target,), "max_length": wanted.max_length}
    return Column("new_table", wanted.name, wanted.label, **{"type": wanted.type, **same, **changes})


@pytest.mark.parametrize("table", STAGING.tables, ids=lambda table: table.name)
def test_sandbox_tables_match_schema(world, table):
    columns = {column.name: column for column in clients.crm().columns(table.name)}

    assert schema.missing_columns(table, list(columns.values())) == ()
    assert [schema.differences(wanted, columns[wanted.name]) for wanted in table.columns] == [()] * len(table.columns)
    assert clients.crm().table_facts(table.name).set_name == table.set_name


@pytest.mark.parametrize(
    ("wanted", "changes", "said"),
    [
        (TEXT, {"type": ColumnType.INTEGER}, "Its type is integer, but the portal needs text."),
        (TEXT, {"max_length": 99}, "It holds 99 characters, but the portal needs 100."),
        (CHOICE, {"options": CHOICE.options[1:]}, "It lacks the options 410000000 (Pending)."),
        (LOOKUP, {"targets": ("account",)}, "It refers to account, but the portal needs contact."),
        (LOOKUP, {"targets": ()}, "It refers to no table, but the portal needs contact."),
        (TEXT, {"problem": "No type."}, "Its definition cannot be read: No type."),
    ],
)
def test_unusable_column_is_described(wanted, changes, said):
    assert schema.differences(wanted, found(wanted, **changes)) == (said,)


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        (TEXT, {"type": ColumnType.MEMO, "max_length": 2_000}),
        (CHOICE, {"options": (*CHOICE.options, (7, "Later"))}),
        (LOOKUP, {"targets": ("account", "contact")}),
    ],
)
def test_wider_column_is_accepted(wanted, changes):
    assert schema.differences(wanted, found(wanted, **changes)) == ()


def test_schema_uses_configured_names():
    own = schema.staging_schema(Names(record_table="acme_edit", record_set="acme_edits", record_name="acme_title"))

    assert (own.records.name, own.records.primary_name.name, own.prefix) == ("acme_edit", "acme_title", "acme")
    assert [column.target for column in own.fields.columns if column.is_owned] == ["acme_edit"]


def test_missing_column_is_found():
    columns = [found(wanted) for wanted in STAGING.records.columns[1:]]

    assert schema.missing_columns(STAGING.records, columns) == STAGING.records.columns[:1]


def test_revision_column_is_whole_number():
    assert STAGING.revision == ColumnSpec(
        "osync_revision", "Revision", "Raised by forms and programs; Outlook never sends it.", ColumnType.INTEGER
    )
