"""Superseding: a newer edit of the same contact and column replaces older open ones."""

from __future__ import annotations

import pytest
from django.db.models import F

from syncapp.mirror.edits.supersede import supersede
from syncapp.models import Decision, SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review.context import digest
from syncapp.review.decisions import approve
from tests.support.factories import make_field, make_newer_edit
from tests.support.people import rita

pytestmark = pytest.mark.django_db


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


def test_older_waiting_edit_is_superseded_and_marked():
    old = make_field()
    newer = make_newer_edit(old)

    marks = supersede([newer.record_id])

    assert axes(old) == (FieldDecision.SUPERSEDED, FieldDelivery.WAITING)
    assert axes(newer) == (FieldDecision.PENDING, FieldDelivery.NONE)
    assert [(mark.kind, mark.outcome, mark.writes) for mark in marks] == [(Kind.SUPERSEDE, Outcome.SUPERSEDED, False)]


def test_older_edit_staged_last_is_superseded():
    old = make_field()
    newer = make_newer_edit(old)
    SyncField.objects.filter(pk=old.pk).update(version=newer.version + 1)

    supersede([old.record_id])

    assert (axes(old)[0], axes(newer)[0]) == (FieldDecision.SUPERSEDED, FieldDecision.PENDING)


def test_higher_version_breaks_tie():
    old = make_field()
    newer = make_newer_edit(old, minutes=0)

    supersede([newer.record_id])

    assert (axes(old)[0], axes(newer)[0]) == (FieldDecision.SUPERSEDED, FieldDecision.PENDING)


def test_edit_of_another_field_is_not_superseded():
    old = make_field(column="telephone1")
    newer = make_newer_edit(make_field(old.record, "jobtitle"))

    supersede([newer.record_id])

    assert axes(old)[0] == FieldDecision.PENDING


def test_approved_edit_is_not_superseded():
    old = make_field()
    approve(old.pk, by=rita(), seen=digest(old))
    newer = make_newer_edit(old)

    assert supersede([newer.record_id]) == []
    assert axes(old) == (FieldDecision.APPROVED, FieldDelivery.WAITING)


def test_edit_in_conflict_is_superseded():
    old = make_field(delivery=FieldDelivery.CONFLICT)
    newer = make_newer_edit(old)

    supersede([newer.record_id])

    assert axes(old)[0] == FieldDecision.SUPERSEDED


def test_edit_with_failed_decision_is_superseded():
    old = make_field()
    failed = approve(old.pk, by=rita(), seen=digest(old))
    Decision.objects.filter(pk=failed.pk).update(state=DecisionState.FAILED)
    SyncField.objects.filter(pk=old.pk).update(delivery=FieldDelivery.FAILED, revision=F("revision") + 1)
    newer = make_newer_edit(old)

    supersede([newer.record_id])

    failed.refresh_from_db()
    assert (axes(old)[0], failed.state) == (FieldDecision.SUPERSEDED, DecisionState.REPLACED)


def test_older_edit_is_superseded_by_decided_newer_one():
    old = make_field()
    newer = make_newer_edit(old)
    approve(newer.pk, by=rita(), seen=digest(newer))

    supersede([old.record_id])

    assert axes(old)[0] == FieldDecision.SUPERSEDED


def test_superseding_twice_changes_nothing():
    old = make_field()
    newer = make_newer_edit(old)
    supersede([newer.record_id])

    assert supersede([newer.record_id]) == []
    assert Decision.objects.count() == 1
