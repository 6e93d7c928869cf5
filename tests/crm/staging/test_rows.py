"""Parsing of staged rows: complete, or with the reason of the problem."""

from __future__ import annotations

from uuid import UUID

import pytest

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError
from syncapp.crm.names import Names
from syncapp.crm.staging import rows
from syncapp.crm.staging.records import StagedDecision

ROW = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")
FIELD = {
    "@odata.etag": 'W/"5"',
    "osync_syncfieldid": str(ROW),
    "osync_name": "telephone1",
    "osync_decision": 410000000,
    "statecode": 0,
    "versionnumber": 5,
}
RECORD = {
    "@odata.etag": 'W/"6"',
    "osync_syncrecordid": str(ROW),
    "osync_targetid": str(ROW),
    "statecode": 0,
    "versionnumber": 6,
}


def test_missing_values_are_empty():
    field = rows.staged_field(FIELD, Names())

    assert (field.record_id, field.original, field.proposed_label, field.decided_on) == (None, None, "", None)


def test_empty_decision_is_pending():
    field = rows.staged_field({**FIELD, "osync_decision": None}, Names())

    assert (field.decision, field.problem) == (StagedDecision.PENDING, "")


def test_absent_decision_is_a_problem():
    absent = {name: value for name, value in FIELD.items() if name != "osync_decision"}

    assert "osync_decision" in rows.staged_field(absent, Names()).problem


@pytest.mark.parametrize("value", [None, "5", 5])
def test_row_without_readable_id_is_refused(value):
    with pytest.raises(ProtocolError, match="osync_syncfieldid"):
        rows.staged_field({**FIELD, "osync_syncfieldid": value}, Names())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("osync_name", 5),
        ("osync_proposedvalue", {"a": 1}),
        ("osync_proposedvalue", 5),
        ("osync_decision", "410000000"),
        ("versionnumber", 2**63),
        ("versionnumber", True),
        ("osync_decidedon", "yesterday"),
        ("osync_decidedon", "2026-11-20T09:30:00"),
        ("_osync_syncrecord_value", {}),
        ("@odata.etag", None),
        ("@odata.etag", "*"),
        ("@odata.etag", 'W/"5"\r\nX: y'),
    ],
)
def test_problem_names_column_but_not_value(name, value):
    field = rows.staged_field({**FIELD, name: value}, Names())

    assert name in field.problem
    assert str(value) not in field.problem.replace(name, "")
    assert field.id == ROW, "readable values are still read"


def test_unstorable_value_is_reported_with_reason():
    field = rows.staged_field({**FIELD, "osync_proposedvalue": odata.Unstorable("holds a NUL")}, Names())

    assert (field.problem, field.proposed) == ("The CRM's value of osync_proposedvalue holds a NUL.", None)


def test_bad_row_leaves_the_page_readable():
    payload = {"value": [5, {**FIELD, "osync_syncfieldid": 7}, {"reason": "deleted", "id": 7}, FIELD]}

    page = rows.change_page(payload, lambda row: rows.staged_field(row, Names()), str)

    assert [row.id for row in page.rows] == [ROW]
    assert len({each.row_id for each in page.unreadable}) == 3


def test_edit_without_contact_has_problem():
    assert "which contact" in rows.staged_record({**RECORD, "osync_targetid": "see notes"}, Names()).problem


def test_invalid_target_id_is_ignored():
    assert rows.staged_record({**RECORD, "osync_targetid": "see notes"}, Names()).target_id is None
    assert rows.staged_record(RECORD, Names()).target_id == ROW


@pytest.mark.parametrize("shape", [{"@odata.context": "https://x/$metadata#a/$deletedEntity"}, {"reason": "deleted"}])
def test_deletions_are_separated_from_rows(shape):
    payload = {"value": [{**shape, "id": str(ROW)}, FIELD], "@odata.deltaLink": "link"}

    page = rows.change_page(payload, lambda row: row["osync_name"], str)

    assert (page.rows, page.deleted, page.next_link, page.delta_link) == (("telephone1",), (ROW,), "", "link")


def test_non_text_link_is_refused():
    with pytest.raises(ProtocolError):
        rows.change_page({"value": [], "@odata.nextLink": 5}, str, str)
