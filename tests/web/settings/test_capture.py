"""The page of capture: its text in each mode and what it shows of sources, columns and reading."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import Settings

from syncapp.capture import counts
from syncapp.models import Breaker, Capture, CaptureGap, Connection, MirrorCursor
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode
from tests.capture.changes import NOT_OUTLOOK, by_program, change, program, restored
from tests.capture.switches import now
from tests.support.factories import make_record, store_columns
from tests.support.people import ada, browser
from tests.support.screen import Screen
from tests.web.settings.capture_page import URL, page, set_mode, switch_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("audit_setting")]


def test_page_without_setting_says_how_to_begin(settings: Settings) -> None:
    settings.CAPTURE = ""

    words = page().words

    assert "Capture is off" in words
    assert "CAPTURE=audit" in words
    assert "Who changed contacts" not in words


def test_page_before_first_reading_says_so() -> None:
    assert "Capture has not read anything yet" in page().words


def test_observing_says_nothing_is_restored(capture: Capture) -> None:
    screen = page()

    assert "Changes are only observed" in screen.words
    assert "nothing is staged or restored" in screen.words
    assert not screen.offers("do=stop")
    assert not screen.offers("do=resume")


def test_page_counts_sources_while_restoring(capture: Capture) -> None:
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

    assert "Capture was paused automatically" in screen.words
    assert f"Paused 3 min ago: {figures}." in screen.words
    assert "mistaken for Outlook" in screen.words
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
    assert "ERP Connector application user 1 1 1 let through Under the original rule: 1 restored" in words
    assert "5 changed fields in 7 days" in words


def test_observed_source_shows_what_would_be_done(capture: Capture) -> None:
    change()
    change(state=EntryState.LET_THROUGH)

    assert "1 only observed, 1 let through If on: 1 staged and restored" in page().words


def test_changes_by_forms_are_counted_separately(capture: Capture) -> None:
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

    assert "Median 9 s Longest 3 min 40 s under 10 s 2" in words


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

    assert "Delay median 4 s, longest 1 min 19 s" in words
    assert "Retention in the CRM 30 days" in words
    assert "0 today, of" in words


def test_page_refreshes_its_parts(capture: Capture) -> None:
    change()
    screen = page()
    polled = next(found for _, found in screen.tags if found.get("hx-trigger") == "every 15s")

    part = Screen(browser(ada()).get(URL, headers={"HX-Request": "true"}))

    assert "<html" not in part.html
    ids = {found["id"] for _, found in part.tags if "id" in found}
    assert set(polled["hx-select-oob"].replace("#", "").split(",")) <= ids


def test_counts_of_past_days_show_their_age(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncapp.capture.observation.MAX_COUNTED_NOW", 0)
    change()
    counts.update()

    assert "Counted just now." in page().words
