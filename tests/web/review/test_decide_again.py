"""Decisions on fields that were decided before: undo, conflicts, failures, rejections."""

from __future__ import annotations

import pytest

from syncapp.models import Decision
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState
from tests.support import scenes
from tests.support.factories import make_field
from tests.support.people import browser, rita
from tests.support.screen import on, opened, pressed
from tests.web.review.test_decide import outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def test_undo_returns_field_to_queue():
    field = make_field()
    client = browser(rita())
    screen = pressed(client, opened(client, field.record), field.record, f"do=approve:{field.pk}")

    screen = pressed(client, screen, field.record, "do=undo")

    assert outcome(field) == FieldDecision.PENDING
    assert screen.offers(f"do=approve:{field.pk}")


def test_late_undo_is_refused_with_reason():
    field = make_field()
    client = browser(rita())
    screen = pressed(client, opened(client, field.record), field.record, f"do=approve:{field.pk}")
    scenes.being_written(Decision.objects.get(field=field))

    screen = pressed(client, screen, field.record, "do=undo")

    assert screen.status == 409
    assert "It is already being written." in screen.words


@pytest.mark.parametrize(
    ("verb", "typed", "result", "value"),
    [
        ("keep", None, "rejected", None),
        ("approve", None, "approved", "Head"),
        ("other", "Chief buyer", "approved", "Chief buyer"),
    ],
)
def test_each_choice_resolves_a_conflict(verb, typed, result, value):
    field = make_field(proposed_value="Head")
    scenes.conflicting(scenes.approved(field, by=rita()), "Chief")
    client = browser(rita())
    form = {on(field, "value"): typed} if typed else {}

    pressed(client, opened(client, field.record), field.record, f"do={verb}:{field.pk}", **form)

    last = Decision.objects.order_by("-version").first()
    assert (outcome(field), last.value_to_write, last.expected_value) == (result, value, "Chief")


def test_empty_conflict_value_is_refused():
    field = make_field()
    scenes.conflicting(scenes.approved(field, by=rita()), "Chief")
    client = browser(rita())

    screen = pressed(client, opened(client, field.record), field.record, f"do=other:{field.pk}")

    assert screen.status == 422
    assert "Enter the value for the CRM." in screen.words


def test_failed_field_is_retried():
    field = make_field()
    scenes.failed(scenes.approved(field, by=rita()))
    client = browser(rita())

    screen = pressed(client, opened(client, field.record), field.record, "do=retry")

    assert "being written" in screen.words
    assert Decision.objects.get(field=field).state == DecisionState.OPEN


def test_failed_field_can_be_rejected():
    field = make_field()
    scenes.failed(scenes.approved(field, by=rita()))
    client = browser(rita())

    pressed(client, opened(client, field.record), field.record, f"do=reject:{field.pk}")

    assert outcome(field) == FieldDecision.REJECTED


def test_old_value_is_put_back_with_reason():
    field = make_field(original_value="Buyer")
    scenes.finished(scenes.approved(field, by=rita()))
    client = browser(rita())
    form = {f"text.again-{field.pk}": "it was his brother"}

    pressed(client, opened(client, field.record), field.record, "do=again", **form)

    last = Decision.objects.order_by("-version").first()
    assert (last.value_to_write, last.reason) == ("Buyer", "it was his brother")


def test_put_back_requires_a_reason():
    field = make_field()
    scenes.finished(scenes.approved(field, by=rita()))
    client = browser(rita())

    screen = pressed(client, opened(client, field.record), field.record, "do=again")

    assert screen.status == 422
    assert "Enter a reason" in screen.words
    assert Decision.objects.count() == 1


def test_rejected_field_is_approved_later():
    field = make_field(proposed_value="Head")
    scenes.finished(scenes.rejected(field, by=rita()))
    client = browser(rita())

    pressed(
        client, opened(client, field.record), field.record, "do=again", **{f"text.again-{field.pk}": "HR confirmed"}
    )

    assert outcome(field) == FieldDecision.APPROVED
