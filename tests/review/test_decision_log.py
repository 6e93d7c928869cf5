"""Log lines about decisions: ids only, parsed from any log."""

from __future__ import annotations

import logging

import pytest

from syncapp.models import Decision
from syncapp.review import decision_log, decisions
from syncapp.review.context import digest
from syncapp.review.errors import AlreadyDecided
from tests.support import scenes
from tests.support.factories import make_field
from tests.support.people import rita

pytestmark = pytest.mark.django_db(transaction=True)

ONE, OTHER = "0c9b7a52-6a3c-4f0e-8e59-9c1f6a3b2d11", "1c9b7a52-6a3c-4f0e-8e59-9c1f6a3b2d22"
LINE = f"decision {ONE} taken: field {OTHER}, review approved, by person {OTHER}, at 2026-11-29T14:02:00+00:00"


def test_decision_log_contains_only_ids(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "syncapp.review.decision_log")
    field, person = make_field(proposed_value="Head of Procurement"), rita()

    decision = scenes.approved(field, by=person)

    (taken,) = decision_log.parse(caplog.messages)
    assert (taken.id, taken.field_id, taken.person) == (decision.pk, field.pk, person.oid)
    assert (taken.kind, taken.outcome, taken.at) == ("review", "approved", decision.decided_at)
    assert not any(word in caplog.text for word in ("Rita", "Head of Procurement", field.record.name))


def test_parsed_log_omits_undone_decisions(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "syncapp.review.decision_log")
    decision, kept = (scenes.approved(make_field(), by=rita()) for _ in range(2))

    decisions.undo(decision.pk, by=rita())

    assert [taken.id for taken in decision_log.parse(caplog.messages)] == [kept.pk]


def test_refused_decision_is_not_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "syncapp.review.decision_log")
    field = make_field()
    looked = digest(field)
    decisions.approve(field.pk, by=rita(), seen=looked)

    with pytest.raises(AlreadyDecided):
        decisions.reject(field.pk, by=rita(), seen=looked)

    assert [taken.id for taken in decision_log.parse(caplog.messages)] == [Decision.objects.get().pk]


@pytest.mark.parametrize(
    "around",
    [
        "2026-11-29 14:02:01,123 INFO syncapp.review.decision_log {}",
        "[2026-11-29 14:02:01,123: INFO/ForkPoolWorker-2] {}",
        "Nov 29 14:02:01 web1 gunicorn[812]: {}\r\n",
    ],
)
def test_lines_are_parsed_from_any_log_format(around: str):
    (taken,) = decision_log.parse([around.format(LINE)])

    assert (str(taken.id), str(taken.field_id), str(taken.person)) == (ONE, OTHER, OTHER)


@pytest.mark.parametrize(
    "line",
    [
        "decision x taken: field y",
        LINE.replace(ONE, "no-id"),
        LINE.replace("+00:00", ""),
        LINE.replace("2026-11-29", "2026-13-29"),
        LINE.replace("review approved", "review burned"),
        LINE.replace(f"person {OTHER}", "person 7"),
    ],
)
def test_malformed_log_lines_are_ignored(line: str):
    assert decision_log.parse([line]) == []
