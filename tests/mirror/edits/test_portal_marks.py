"""Recognition of the portal's own marks on staging rows; copied marks do not count."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from syncapp.mirror.edits.recognition import is_ours
from tests.mirror.staged import NOON, a_field

PORTAL, SOMEONE = uuid.uuid4(), uuid.uuid4()
MARK: dict[str, Any] = {
    "state": 1,
    "decision": 410000001,
    "decision_id": str(uuid.uuid4()),
    "decided_by": "Rita Lindqvist",
    "decided_on": NOON,
    "modified_by": PORTAL,
}


def test_complete_mark_by_own_user_is_ours():
    assert is_ours(a_field(**MARK), own_user=PORTAL)


@pytest.mark.parametrize("decision", [410000001, 410000002, 410000003])
def test_every_written_outcome_is_recognized(decision: int):
    assert is_ours(a_field(**{**MARK, "decision": decision}), own_user=PORTAL)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"modified_by": SOMEONE}, id="copied by someone else"),
        pytest.param({"modified_by": None}, id="the CRM does not say who changed it"),
        pytest.param({"modified_for_by": SOMEONE}, id="someone acted in the portal's name"),
        pytest.param({"decision_id": ""}, id="no decision's id"),
        pytest.param({"decision_id": "4711"}, id="another tool's id"),
        pytest.param({"decided_on": None}, id="no time"),
        pytest.param({"decision": 410000000}, id="not decided"),
        pytest.param({"decision": 7}, id="an unknown outcome"),
        pytest.param({"state": 0}, id="still open"),
    ],
)
def test_incomplete_or_foreign_mark_is_not_ours(forged: dict[str, Any]):
    assert not is_ours(a_field(**{**MARK, **forged}), own_user=PORTAL)


def test_no_mark_is_ours_without_own_user():
    assert not is_ours(a_field(**MARK), own_user=None)
