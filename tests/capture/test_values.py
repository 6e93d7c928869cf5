"""Values of audit entries: the same canonical text as a read of the row, and which values count as unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncapp.capture import values
from syncapp.capture.chain_records import UNKNOWN, Value
from syncapp.crm import odata
from syncapp.crm.audits.records import AuditDetails
from syncapp.crm.values.conversion import wire_name
from tests.crm.columns import BIRTHDAY, COMPANY, METHOD, NOTES, PHONE, WRITABLE

KEY = "2f1b2c3d-0000-4000-8000-00000000000a"
RAW: dict[str, tuple[Any, str]] = {
    "telephone1": ("+47 55", "+47 55"),
    "description": ("Line\r\nline", "Line\r\nline"),
    "preferredcontactmethodcode": (3, "3"),
    "new_interests": ("10,1", "1,10"),
    "donotemail": (False, "false"),
    "numberofchildren": (2, "2"),
    "new_share": (1.50, "1.5"),
    "creditlimit": (1000, "1000"),
    "address1_latitude": (0.25, "0.25"),
    "birthdate": ("1980-02-29", "1980-02-29"),
    "lastonholdtime": ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00Z"),
    "parentcustomerid": (KEY, f"account:{KEY}"),
    "transactioncurrencyid": (KEY, f"transactioncurrency:{KEY}"),
}


def details(old: dict[str, Any], new: dict[str, Any], *invalid: str) -> AuditDetails:
    return AuditDetails("AttributeAuditDetail", old, new, frozenset(invalid))


@pytest.mark.parametrize("column", WRITABLE, ids=lambda column: column.name)
def test_every_type_becomes_canonical_text(column) -> None:
    raw, text = RAW[column.name]
    name = wire_name(column)
    row = {name: raw, name + odata.LOOKUP_TABLE: text.partition(":")[0], name + odata.FORMATTED: "as people read it"}

    (filled,) = values.changes(details({}, row), [column], readable={column.name})
    (cleared,) = values.changes(details(row, {}), [column], readable={column.name})

    assert (filled.old, filled.new, filled.new_label) == (Value(), Value(text), "as people read it")
    assert (cleared.old, cleared.new, cleared.old_label) == (Value(text), Value(), "as people read it")


@pytest.mark.parametrize(
    ("readable", "invalid", "old"),
    [({"telephone1"}, (), Value()), (set(), (), UNKNOWN), ({"telephone1"}, ("telephone1",), UNKNOWN)],
)
def test_absent_original_is_empty_only_if_readable(readable, invalid, old) -> None:
    found = values.changes(details({}, {"telephone1": "1"}, *invalid), [PHONE], readable=readable)

    assert [change.old for change in found] == [old]


def test_invalid_column_has_unknown_new_value() -> None:
    (found,) = values.changes(details({"telephone1": "1"}, {}, "telephone1"), [PHONE], readable={"telephone1"})

    assert (found.old, found.new) == (Value("1"), UNKNOWN)


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("x" * 4_999, True),
        ("x" * 5_000, False),
        ("x" * 4_999 + "…", False),
        ("x" * 4_950 + "...", False),
        ("Short…", True),
    ],
)
def test_truncated_text_is_unknown(text, is_known) -> None:
    (found,) = values.changes(details({"description": text}, {"description": "y"}), [NOTES], readable={"description"})

    assert found.old == (Value(text) if is_known else UNKNOWN)


def test_value_of_wrong_type_leaves_other_values_known() -> None:
    row = {"birthdate": "soon", "preferredcontactmethodcode": 2}

    birthday, method = values.changes(details({}, row), [BIRTHDAY, METHOD], readable={"birthdate"})

    assert (birthday.new, method.new) == (UNKNOWN, Value("2"))


def test_unchanged_and_untracked_columns_are_left_out() -> None:
    found = values.changes(details({"fax": "1"}, {"fax": "2"}), [PHONE, COMPANY], readable={"telephone1"})

    assert found == ()


def listed(**pairs: tuple[Any, Any]) -> str:
    changed = [{"logicalName": name, "oldValue": old, "newValue": new} for name, (old, new) in pairs.items()]
    return json.dumps({"changedAttributes": changed})


def test_named_columns_and_revision_are_read() -> None:
    found = values.named_changes(listed(pager=("1", "2"), osync_revision=("3", "4")), "osync_revision")

    assert found == values.NamedChanges(frozenset({"pager", "osync_revision"}), (3, 4, True))


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"changedAttributes": 1}', '{"changedAttributes": [1]}'])
def test_malformed_column_list_is_ignored(text) -> None:
    assert values.named_changes(text, "osync_revision") is None


def test_revisions_are_read_from_values() -> None:
    found = values.revisions(details({"osync_revision": 3}, {"osync_revision": 4}), "osync_revision")

    assert found == (3, 4, True)
    assert values.revisions(details({}, {"telephone1": "1"}), "osync_revision") == (None, None, False)
    assert values.revisions(details({}, {}), "") == (None, None, False)
