"""The requests of a change set."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from syncapp.crm.names import Names
from syncapp.crm.staging import changes
from syncapp.crm.staging.records import ChangeSet, ContactWrite, FieldMark, RecordClose, StagedDecision
from tests.crm.columns import COMPANY, PHONE

ROW = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")
DECIDED_ON = datetime(2026, 11, 20, 9, 30, 15, 999_999, tzinfo=UTC)
MARK = FieldMark(ROW, 'W/"2"', StagedDecision.REJECTED, "decision-1", "", "Rita", DECIDED_ON, "")
FULL = ChangeSet(
    contact=ContactWrite(ROW, 'W/"1"', 8, ((PHONE, ""), (COMPANY, None))),
    marks=(MARK,),
    closes=(RecordClose(ROW, 'W/"3"'),),
)


@pytest.fixture
def writes():
    return changes.writes(FULL, names=Names(), tag="osync-portal")


def test_contact_is_written_first_with_tag(writes):
    assert [(write.set_name, write.etag, write.tag) for write in writes] == [
        ("contacts", 'W/"1"', "osync-portal"),
        ("osync_syncfields", 'W/"2"', ""),
        ("osync_syncrecords", 'W/"3"', ""),
    ]


def test_empty_values_are_written_as_null(writes):
    assert writes[0].body == {"telephone1": None, "parentcustomerid_account@odata.bind": None, "osync_revision": 8}


def test_mark_closes_field_and_drops_fractional_seconds(writes):
    assert writes[1].body == {
        "osync_decision": 410000002,
        "osync_decisionid": "decision-1",
        "osync_appliedvalue": None,
        "osync_decidedby": "Rita",
        "osync_decidedon": "2026-11-20T09:30:15Z",
        "osync_reason": None,
        "statecode": 1,
        "statuscode": 2,
    }


def test_close_writes_state_and_status(writes):
    assert writes[2].body == {"statecode": 1, "statuscode": 2}


def test_time_without_zone_is_refused():
    naive = FieldMark(ROW, 'W/"2"', 410000001, "d", None, "Rita", DECIDED_ON.replace(tzinfo=None), "")

    with pytest.raises(ValueError, match="zone"):
        changes.writes(ChangeSet(marks=(naive,)), names=Names(), tag="")
