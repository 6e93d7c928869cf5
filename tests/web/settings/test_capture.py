"""The page of capture: its text in each mode, its buttons, the list of changes and the exports."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from syncapp.capture import counts
from syncapp.models import (
    Breaker,
    Capture,
    CaptureColumn,
    CaptureGap,
    CaptureSource,
    Connection,
    FilterMembership,
    FilterTeam,
    MirrorCursor,
    Person,
)
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.person import Role
from tests.capture.changes import NOT_OUTLOOK, by_program, change, program, restored
from tests.capture.switches import is_on, mode, now, observe, recorded
from tests.support.factories import make_record, store_columns
from tests.support.people import ada, browser, make_person
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db
URL = "/settings/capture/"


@pytest.fixture(autouse=True)
def _audit(settings: Settings) -> None:
    settings.CAPTURE = "audit"


@pytest.fixture
def capture() -> Capture:
    """Return a capture that observes for a week and has just read."""
    found = observe()
    MirrorCursor.objects.create(table="capture", pulled_at=now())
    return found


def page(path: str = "", **query: str) -> Screen:
    return Screen(browser(ada()).get(URL + path, query))


def press(path: str, *, by: Person | None = None, **controls: str) -> Screen:
    return Screen(browser(by or ada()).post(URL + path, controls, follow=True))


def set_mode(mode: CaptureMode, **columns: Any) -> None:
    Capture.objects.update(mode=mode, mode_since=now(minutes=3), mode_by=ada(), **columns)


def switch_on(**columns: Any) -> None:
    CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True, since=now(hours=1), switched_by=ada(), **columns)
    set_mode(CaptureMode.RESTORING)


def anna() -> Person:
    """Return another administrator."""
    return make_person("Anna", Role.ADMINISTRATOR)


def test_page_without_setting_says_how_to_begin(settings: Settings) -> None:
    settings.CAPTURE = ""

    words = page().words

    assert "Capture is off" in words
    assert "CAPTURE=audit" in words
    assert "Who changed contacts" not in words


def test_page_before_first_reading_explains_itself() -> None:
    assert "Capture has not read anything yet" in page().words


def test_observing_says_nothing_is_restored(capture: Capture) -> None:
    screen = page()

    assert "Changes are only observed" in screen.words
    assert "nothing is staged or restored" in screen.words
    assert not screen.offers("do=stop")
    assert not screen.offers("do=resume")


def test_restoring_counts_sources(capture: Capture) -> None:
    by_program(program())
    switch_on()

    screen = page()

    assert "1 source is on, 2 are only observed" in screen.words
    assert screen.offers("do=stop")


def test_stopped_restoring_names_who_stopped_it(capture: Capture) -> None:
    switch_on()
    set_mode(CaptureMode.STAGING)

    screen = page()

    assert "Restoring is stopped" in screen.words
    assert "Restoring was stopped 3 min ago by Ada." in screen.words
    assert screen.offers("do=resume")


def test_pause_shows_reason_and_figures(capture: Capture) -> None:
    switch_on()
    figures = "50 of at most 50 restores in 10 minutes"
    set_mode(CaptureMode.PAUSED, reason="many_restores", trouble=figures)

    screen = page()

    assert "Capture paused itself" in screen.words
    assert f"Paused 3 min ago: {figures}." in screen.words
    assert "taken for Outlook" in screen.words
    assert screen.offers("do=resume")


def test_stalled_reading_says_since_when(capture: Capture) -> None:
    MirrorCursor.objects.update(pulled_at=now(hours=2), trouble="The CRM does not answer.")

    words = page().words

    assert "The audit log is not being read" in words
    assert "read 2 h ago" in words
    assert "The CRM does not answer." in words


@pytest.mark.parametrize(
    ("ends", "headline"), [(False, "The audit log has a gap"), (True, "Changes are only observed")]
)
def test_gap_is_shown_with_times(capture: Capture, ends: bool, headline: str) -> None:
    times = {"begins_at": now(hours=3), "ends_at": now(hours=2) if ends else None}
    CaptureGap.objects.create(reason=CaptureGap.Reason.AUDITING_OFF, detail="fax", **times)

    words = page().words

    assert headline in words
    assert "The audit log has a gap from" in words
    assert "Auditing was off (fax)" in words
    assert ("until now" in words) is not ends


def test_unstaged_edits_are_reported(capture: Capture) -> None:
    switch_on()
    assert "but not staged now" not in page().words

    Connection.objects.update(review_writes=False)
    Breaker.objects.create(name=Breaker.Name.FORBIDDEN_CAPTURE, opened_at=timezone.now(), reason="no privilege")

    words = page().words
    assert words.count("Edits are found, but not staged now.") == 2
    assert "The CRM forbids staging edits" in words


def test_source_shows_what_capture_did(capture: Capture) -> None:
    switch_on()
    for _ in range(2):
        restored()
    restored(live=None)
    change(**NOT_OUTLOOK | {"lacks_revision": True})
    erp = program()
    by_program(erp)

    words = page().words

    assert "2 staged and restored, 1 only staged" in words
    assert "ERP Connector application user 1 1 1 let through By the original rule: 1 restored" in words
    assert "5 changed fields in 7 days" in words


def test_observed_source_shows_what_would_be_done(capture: Capture) -> None:
    change()
    change(state=EntryState.LET_THROUGH)

    assert "1 only observed, 1 let through If on: 1 staged and restored" in page().words


def test_forms_are_counted_separately(capture: Capture) -> None:
    change(**NOT_OUTLOOK | {"source": Source.FORM})

    assert "0 changed fields in 7 days; 1 by forms that raise the revision are not counted" in page().words


def test_column_shows_its_example(capture: Capture) -> None:
    store_columns()
    entry = restored(old="Senior Buyer", new="Head")
    record = make_record(target_id=entry.contact_id, operation_id=str(entry.pk))

    screen = page()

    assert "Marta Villanueva: Senior Buyer → becomes Head" in screen.words
    assert ("a", {"href": f"/review/{record.pk}/"}) in screen.tags


def test_contact_without_edit_links_to_crm(capture: Capture, settings: Settings) -> None:
    entry = by_program(program(), old_known=False)

    screen = page()

    assert "A contact in the CRM" in screen.words
    addresses = [found.get("href", "") for tag, found in screen.tags if tag == "a"]
    assert any(address.startswith(settings.CRM_ORIGIN) and str(entry.contact_id) in address for address in addresses)


def test_live_times_are_shown(capture: Capture) -> None:
    assert "Nothing was restored in 7 days." in page().words
    for seconds in (5, 9, 220):
        restored(live=seconds)

    words = page().words

    assert "Median 9 s Worst 3 min 40 s under 10 s 2" in words


def test_brakes_show_figures_and_limits(capture: Capture) -> None:
    switch_on()
    restored()

    words = page().words

    assert "Restored for one source 1 of 50" in words
    assert "Restored in one field 1 of 3" in words
    assert "Contacts changed at once 1 of 200" in words


def test_reading_shows_delay_and_allowance(capture: Capture) -> None:
    Capture.objects.update(median_delay=4, worst_delay=79, days_kept=30)

    words = page().words

    assert "Delay median 4 s, worst 1 min 19 s" in words
    assert "Kept by CRM 30 days" in words
    assert "0 today, of" in words


def test_page_refreshes_its_parts(capture: Capture) -> None:
    change()
    screen = page()
    polled = next(found for _, found in screen.tags if found.get("hx-trigger") == "every 15s")

    part = Screen(browser(ada()).get(URL, headers={"HX-Request": "true"}))

    assert "<html" not in part.html
    ids = {found["id"] for _, found in part.tags if "id" in found}
    assert set(polled["hx-select-oob"].replace("#", "").split(",")) <= ids


def test_switching_on_says_what_will_happen(capture: Capture) -> None:
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
        ({"who": "team", "team": ""}, "Select a team."),
        ({"who": "", "team": ""}, "Select a pilot team, or everyone."),
        ({"who": "team", "team": str(uuid.UUID(int=5))}, "no such team any more"),
    ],
    ids=["no team", "nothing", "unknown team"],
)
def test_incomplete_choice_is_refused(capture: Capture, typed: dict[str, str], message: str) -> None:
    screen = press("outlook/on", **typed)

    assert screen.status == 422
    assert "Nothing was changed." in screen.words
    assert message in screen.words
    assert not is_on()


def test_refused_switch_keeps_what_was_chosen(capture: Capture) -> None:
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


def test_limit_is_changed(capture: Capture) -> None:
    assert page().input("max_restores") == "50"

    press("limit", max_restores="80")

    assert Capture.objects.get().max_restores == 80


@pytest.mark.parametrize("typed", ["", "many", "0", "10001"])
def test_wrong_limit_is_kept_with_error(capture: Capture, typed: str) -> None:
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
    assert "only by the original rule" in page().words
    Capture.objects.update(rule=CaptureRule.ORIGINAL, rule_asked_by=ada(), rule_confirmed_by=anna())

    screen = page()

    assert "only by the original rule" not in screen.words
    assert "If on: 1 staged and restored" in screen.words
    assert "your own programs" in page("program/on").words


@pytest.mark.parametrize(
    ("path", "controls", "message"),
    [
        ("step", {"do": "stop"}, "Nothing is being restored"),
        ("step", {"do": "resume"}, "There is nothing to resume"),
        ("step", {"do": "withdraw"}, "does not wait for a confirmation"),
        ("outlook/step", {"do": "off"}, "changed in the meantime"),
        ("outlook/column", {"column": "shoesize", "handling": "let_through"}, "does not watch the column shoesize"),
    ],
)
def test_refused_button_says_why(capture: Capture, path: str, controls: dict[str, str], message: str) -> None:
    screen = press(path, **controls)

    assert message in screen.words
    assert recorded() == []


@pytest.mark.parametrize("path", ["step", "outlook/step", "outlook/column", "ours/on", "form/step", "nothing/changes/"])
def test_unknown_controls_are_not_found(capture: Capture, path: str) -> None:
    client = browser(ada())
    answer = client.get(URL + path) if path.endswith(("on", "/")) else client.post(URL + path, {"do": "dance"})

    assert answer.status_code == 404


def test_changes_are_listed_by_page_and_column(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncapp.capture.change_list.page.__kwdefaults__", {"before": None, "size": 2})
    for new in ("First", "Second", "Third"):
        change(new=new)
    restored("fax", live=None, new="Fourth", why="overwritten")

    first = page("outlook/changes/")
    older = next(found["href"] for tag, found in first.tags if "before=" in found.get("href", ""))
    second = page("outlook/changes/" + older)

    assert "Fourth" in first.words
    assert "the field was changed again in the CRM" in first.words
    assert "Third" in first.words
    assert "Second" in second.words
    assert "First" in second.words
    assert "Third" not in page("outlook/changes/", column="fax").words


def test_list_without_changes_says_so(capture: Capture) -> None:
    assert "No changes" in page("outlook/changes/").words


def cells(path: str) -> list[list[str]]:
    answer = browser(ada()).get(URL + path)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_counts_are_exported(capture: Capture) -> None:
    restored()
    by_program(program("=cmd()"))

    rows = cells("export.csv")

    assert rows[0][:3] == ["Source", "Evidence", "Column"]
    assert ["Outlook synchronization", "jobtitle", "1", "1", "0", "1 restored"] in [row[:1] + row[2:] for row in rows]
    assert rows[2][0] == "'=cmd()"


def test_changes_are_exported(capture: Capture) -> None:
    entry = restored(old="Buyer", new="=Head")
    change("fax")

    rows = cells("outlook/changes/export.csv?column=jobtitle")

    assert len(rows) == 2
    assert rows[1][1:] == [
        "",
        str(entry.contact_id),
        "jobtitle",
        "Buyer",
        "'=Head",
        "person unknown",
        "Restored",
        "after 9 s",
    ]


def test_counts_of_past_days_show_their_age(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncapp.capture.observation.MAX_COUNTED_NOW", 0)
    change()
    counts.update()

    assert "Counted just now." in page().words
