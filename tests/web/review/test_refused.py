"""Values rejected before: shown on the page, in the list and in the mail, and rejected again by one button."""

from __future__ import annotations

import pytest

from syncapp import preferences
from syncapp.models import SyncField
from tests.support import scenes
from tests.support.factories import make_field, make_newer_edit
from tests.support.people import ada, browser, rita, rob
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _columns(db: None) -> None:
    scenes.store_columns()


def make_rejected_before(**why: str) -> SyncField:
    """Return a field with a value that Rob has rejected before."""
    first = make_field(proposed_value="Again")
    scenes.finished(scenes.rejected(first, by=rob(), **why))
    return make_newer_edit(first, proposed="Again")


def test_earlier_rejection_is_named_and_can_be_repeated():
    field = make_rejected_before(reason_code="not_correct", reason="Wrong person.")
    client = browser(rita())
    screen = opened(client, field.record)
    assert "Rejected before by Rob on" in screen.words
    assert "Not correct: Wrong person." in screen.words

    pressed(client, screen, field.record, f"do=reject-again:{field.pk}")

    taken = field.decisions.get()
    assert (taken.outcome, taken.reason_code, taken.reason) == ("rejected", "not_correct", "Wrong person.")


def test_repeated_rejection_asks_for_missing_reason():
    field = make_rejected_before()
    preferences.change(by=ada(), reason_required=True)
    client = browser(rita())

    screen = pressed(client, opened(client, field.record), field.record, f"do=reject-again:{field.pk}")

    assert screen.status == 422
    assert "Choose a reason for rejecting." in screen.words
    assert screen.is_checked(on(field, "mark"), "reject")
    assert not field.decisions.exists()


def test_value_never_rejected_cannot_be_rejected_again():
    field = make_field()
    client = browser(rita())
    screen = opened(client, field.record)
    assert not screen.offers(f"do=reject-again:{field.pk}")

    answer = pressed(client, screen, field.record, f"do=reject-again:{field.pk}")

    assert "has not been rejected before" in answer.words
    assert not field.decisions.exists()


def test_list_marks_values_rejected_before():
    make_rejected_before()
    make_field()

    screen = Screen(browser(rita()).get("/review/"))

    assert screen.words.count("(rejected before)") == 1
