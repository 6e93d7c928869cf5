"""The buttons of the page of capture: sources, columns, limits, and the original rule."""

from __future__ import annotations

import uuid

import pytest
from pytest_django import Settings

from syncapp.models import Capture, CaptureColumn, CaptureSource, FilterMembership, FilterTeam
from syncapp.models.capture.entry import EntryState
from syncapp.models.capture.settings import CaptureRule
from tests.capture.changes import by_program, change, program
from tests.capture.switches import is_on, mode, recorded
from tests.support.people import ada, browser
from tests.support.screen import Screen
from tests.web.settings.capture_page import URL, anna, page, press, switch_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("audit_setting")]


def test_switch_on_page_explains_the_consequences(capture: Capture) -> None:
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")
    FilterMembership.objects.create(team_id=team.pk, user_id=uuid.uuid4())

    screen = page("outlook/on")

    assert "The original is written back into the CRM" in screen.words
    assert "Sales (1)" in screen.words
    assert screen.is_checked("who", "team")


def test_source_is_switched_on_for_a_pilot(capture: Capture) -> None:
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")

    screen = press("outlook/on", who="team", team=str(team.pk))

    assert is_on()
    assert CaptureSource.objects.get().pilot_team_id == team.pk
    assert "Outlook synchronization is on." in screen.words
    assert "only Sales" in screen.words


def test_source_is_switched_on_for_everyone(capture: Capture) -> None:
    press("outlook/on", who="everyone", team="")

    assert is_on()
    assert CaptureSource.objects.get().pilot_team_id is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"who": "team", "team": ""}, "Choose a team."),
        ({"who": "", "team": ""}, "Choose a pilot team, or everyone."),
        ({"who": "team", "team": str(uuid.UUID(int=5))}, "no longer has this team"),
    ],
    ids=["no team", "no choice", "unknown team"],
)
def test_missing_or_unknown_choice_is_refused(capture: Capture, typed: dict[str, str], message: str) -> None:
    screen = press("outlook/on", **typed)

    assert screen.status == 422
    assert "Nothing was changed." in screen.words
    assert message in screen.words
    assert not is_on()


def test_refused_switching_on_keeps_the_choice(capture: Capture) -> None:
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")
    Capture.objects.update(signature_seen_at=None)

    screen = press("outlook/on", who="everyone", team=str(team.pk))

    assert screen.status == 422
    assert "signature has not been seen on an edit of yours" in screen.words
    assert screen.is_checked("who", "everyone")
    assert ("option", {"value": str(team.pk), "selected": ""}) in screen.tags
    assert ("button", {"class": "button destroy", "disabled": ""}) in screen.tags


def test_pilot_is_extended_to_everyone(capture: Capture) -> None:
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")
    switch_on(pilot_team_id=team.pk)
    assert "only changes by the team Sales" in page("outlook/on").words

    press("outlook/step", do="everyone")

    assert CaptureSource.objects.get().pilot_team_id is None


def test_source_is_switched_off(capture: Capture) -> None:
    switch_on()

    screen = press("outlook/step", do="off")

    assert not is_on()
    assert "only observed from now on" in screen.words


def test_column_is_let_through_and_reviewed(capture: Capture) -> None:
    change("fax")

    press("outlook/column", column="fax", handling="let_through")

    assert CaptureColumn.objects.get().handling == CaptureColumn.Handling.LET_THROUGH
    assert page().offers("handling=review")
    press("outlook/column", column="fax", handling="review")
    assert CaptureColumn.objects.get().handling == CaptureColumn.Handling.REVIEW


def test_column_without_changes_can_be_let_through(capture: Capture) -> None:
    screen = page()
    assert ("option", {"value": "fax"}) in screen.tags

    press("outlook/column", column="fax", handling="let_through")

    assert "Fax (let through)" in page().words
    change("fax")
    assert ("option", {"value": "fax"}) not in page().tags


def test_restoring_is_stopped_and_resumed(capture: Capture) -> None:
    switch_on()

    press("step", do="stop")
    assert mode() == ("staging", "")

    press("step", do="resume")
    assert mode() == ("restoring", "")


def test_restore_limit_is_changed(capture: Capture) -> None:
    assert page().input("max_restores") == "50"

    press("limit", max_restores="80")

    assert Capture.objects.get().max_restores == 80


@pytest.mark.parametrize("typed", ["", "many", "0", "10001"])
def test_invalid_restore_limit_is_kept_with_error(capture: Capture, typed: str) -> None:
    screen = press("limit", max_restores=typed)

    assert screen.status == 422
    assert "Enter a whole number of restores from 1 to 10,000." in screen.words
    assert screen.form["max_restores"] == [typed]
    assert Capture.objects.get().max_restores == 50


def test_original_rule_needs_a_second_administrator(capture: Capture, settings: Settings) -> None:
    press("step", do="ask")
    assert not page().offers("do=confirm")

    screen = Screen(browser(anna()).get(URL))
    assert "Ada asked for the original rule" in screen.words
    press("step", by=anna(), do="confirm")

    assert Capture.objects.get().rule == CaptureRule.ORIGINAL
    assert "Asked for by Ada, confirmed by Anna." in page().words


def test_request_for_original_rule_is_withdrawn(capture: Capture) -> None:
    press("step", do="ask")

    press("step", do="withdraw")

    assert Capture.objects.get().rule_asked_by is None
    assert page().offers("do=ask")


def test_administrator_returns_to_signed_rule(capture: Capture) -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL, rule_asked_by=ada(), rule_confirmed_by=anna())

    press("step", do="signed")

    assert Capture.objects.get().rule == CaptureRule.SIGNED


def test_original_rule_allows_switching_programs_on(capture: Capture) -> None:
    by_program(program(), state=EntryState.OBSERVED)
    assert "only under the original rule" in page().words
    Capture.objects.update(rule=CaptureRule.ORIGINAL, rule_asked_by=ada(), rule_confirmed_by=anna())

    screen = page()

    assert "only under the original rule" not in screen.words
    assert "If on: 1 staged and restored" in screen.words
    assert "your own programs" in page("program/on").words


@pytest.mark.parametrize(
    ("path", "controls", "message"),
    [
        ("step", {"do": "stop"}, "Nothing is being restored"),
        ("step", {"do": "resume"}, "There is nothing to resume"),
        ("step", {"do": "withdraw"}, "is no longer waiting for confirmation"),
        ("outlook/step", {"do": "off"}, "changed in the meantime"),
        ("outlook/column", {"column": "shoesize", "handling": "let_through"}, "does not watch the column shoesize"),
    ],
)
def test_refused_action_gives_its_reason(capture: Capture, path: str, controls: dict[str, str], message: str) -> None:
    screen = press(path, **controls)

    assert message in screen.words
    assert recorded() == []


@pytest.mark.parametrize("path", ["step", "outlook/step", "outlook/column", "ours/on", "form/step", "nothing/changes/"])
def test_unknown_steps_and_sources_are_not_found(capture: Capture, path: str) -> None:
    client = browser(ada())
    answer = client.get(URL + path) if path.endswith(("on", "/")) else client.post(URL + path, {"do": "dance"})

    assert answer.status_code == 404
