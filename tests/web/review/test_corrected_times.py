"""Corrections of a date and time: seconds, and the nights when the clock changes."""

from __future__ import annotations

import pytest

from syncapp.models import Decision, SyncField
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.person import Role
from tests.support import scenes
from tests.support.factories import make_field
from tests.support.people import browser, make_person
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def proposal(value: str) -> SyncField:
    return make_field(None, "lastonholdtime", original_value=None, proposed_value=value)


def corrected(field: SyncField, value: str, **more: str) -> Screen:
    """Return the page after Rita, in Berlin, corrected the proposal to this."""
    client = browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Berlin"))
    form = {on(field, "mark"): "correct", on(field, "value"): value}
    form |= {on(field, name): text for name, text in more.items()}
    return pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)


def written(field: SyncField) -> str | None:
    return Decision.objects.get(field=field).value_to_write


@pytest.mark.parametrize("value", ["2026-11-29T22:30:42Z", "2026-11-29T22:30:42.123456Z", "2026-10-25T01:30:00Z"])
def test_unchanged_time_is_written_exactly(value):
    field = proposal(value)
    client = browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Berlin"))
    page = opened(client, field.record)

    pressed(client, page, field.record, f"do=correct:{field.pk}", **{on(field, "mark"): "correct"})

    decision = Decision.objects.get(field=field)
    assert (decision.value_to_write, decision.is_corrected) == (value, False)


def test_times_show_differing_seconds():
    field = make_field(
        None,
        "lastonholdtime",
        original_value="2026-11-29T22:30:00Z",
        proposed_value="2026-11-29T22:30:42Z",
    )
    words = opened(browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Berlin")), field.record).words

    assert "29 November 2026, 23:30 CET" in words
    assert "29 November 2026, 23:30:42 CET" in words


def test_typed_seconds_are_kept():
    field = proposal("2026-11-29T22:30:42Z")

    corrected(field, "2026-11-29T23:30:43")

    assert written(field) == "2026-11-29T22:30:43Z"


def test_skipped_hour_is_refused():
    field = proposal("2026-03-28T10:00:00Z")

    screen = corrected(field, "2026-03-29T02:30")

    assert screen.status == 422
    assert "02:30 on 29 Mar 2026 does not exist in Europe/Berlin" in screen.words
    assert screen.input(on(field, "value")) == "2026-03-29T02:30"
    field.refresh_from_db()
    assert field.decision == FieldDecision.PENDING


def test_repeated_hour_must_be_disambiguated():
    field = proposal("2026-10-24T10:00:00Z")

    screen = corrected(field, "2026-10-25T02:30")

    assert screen.status == 422
    assert "02:30 on 25 Oct 2026 occurs twice in Europe/Berlin" in screen.words
    assert "the first, CEST" in screen.words
    assert "the second, CET" in screen.words


@pytest.mark.parametrize(("fold", "stored"), [("0", "2026-10-25T00:30:00Z"), ("1", "2026-10-25T01:30:00Z")])
def test_chosen_repeated_hour_is_written(fold, stored):
    field = proposal("2026-10-24T10:00:00Z")

    corrected(field, "2026-10-25T02:30", fold=fold)

    assert written(field) == stored
