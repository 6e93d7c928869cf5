"""The connection page: permission to write, stop switch, connection test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from syncapp.connection import clients
from syncapp.crm.errors import NotFound
from syncapp.health import kinds
from syncapp.jobs import breakers
from syncapp.models import AuditEntry, Breaker, Connection, DailyOperations, UnreadableRow
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen
from tests.support.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def known() -> Connection:
    organization = "da238ce6-b2b4-56f5-aa0b-476a4284f4d1"
    return Connection.objects.create(organization_id=organization, origin="https://contoso.example")


def post(path: str, **controls: str) -> Screen:
    return Screen(browser(ada()).post(f"/settings/connection/{path}", controls, follow=True))


def test_new_connection_is_read_only(known):
    screen = Screen(browser(ada()).get("/settings/connection/"))
    assert "Read-only" in screen.words
    assert not clients.review_writes_are_enabled()

    post("writes", kind="review", do="enable")

    assert (clients.review_writes_are_enabled(), clients.filter_writes_are_enabled()) == (True, False)
    entry = AuditEntry.objects.get(action="connection.writes")
    assert (entry.actor, entry.details) == (ada(), {"kind": "review", "allowed": True})
    assert (entry.value.before, entry.value.after) == ("false", "true")


def test_writing_can_be_forbidden(known):
    post("writes", kind="filters", do="enable")

    post("writes", kind="filters", do="forbid")

    assert not clients.filter_writes_are_enabled()


@pytest.mark.parametrize(("probe_in", "advice"), [(30.0, "Retried automatically."), (None, "Needs your action.")])
def test_open_breaker_is_listed_with_reason(known, probe_in, advice):
    breakers.trip(Breaker.Name.SMTP, reason="550 sender unknown", probe_in=probe_in)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    for text in (Breaker.Name.SMTP.label, "550 sender unknown", advice):
        assert text in words
    assert "No CRM calls or mails are held back." not in words


def test_refused_request_is_listed_with_advice(known):
    known.__class__.objects.update(review_writes=True)
    refused = NotFound("Resource not found for the segment", status=404, asked="GET osync_syncfields")
    breakers.record_refusal(Breaker.Name.REFUSED_READ, refused)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    for text in ("GET osync_syncfields, answered 404", "Resource not found", kinds.REFUSED_READ.remedy):
        assert text in words
    assert "Running" not in words


def test_connection_test_allows_refused_requests_again(world: World):
    breakers.record_refusal(Breaker.Name.REFUSED_READ, NotFound("no such table", status=404))
    assert breakers.try_acquire((Breaker.Name.REFUSED_READ,)) is None

    post("probe")

    assert breakers.try_acquire((Breaker.Name.REFUSED_READ,)) is not None


def test_closed_breakers_are_not_listed(known):
    breakers.trip(Breaker.Name.SMTP, reason="550 sender unknown", probe_in=30.0)
    breakers.reset(Breaker.Name.SMTP)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert "No CRM calls or mails are held back." in words
    assert "550 sender unknown" not in words


def test_unknown_kind_of_writes_is_not_found(known):
    assert post("writes", kind="everything", do="enable").status == 404


def test_stop_shows_its_reason_to_everyone():
    screen = post("stop", reason="Wrong values since 9")

    breaker = Breaker.objects.get(name=Breaker.Name.OPERATOR_STOP)
    assert (breaker.opened_by, breaker.reason) == (ada(), "Wrong values since 9")
    assert breakers.try_acquire(breakers.WRITE_BREAKERS) is None
    assert "All CRM writes are stopped." in screen.words
    assert "by Ada (Wrong values since 9)" in Screen(browser(rita()).get("/review/")).words
    assert AuditEntry.objects.get(action="gate.closed").value.reason == "Wrong values since 9"


def test_stop_needs_a_reason():
    screen = post("stop", reason=" ")

    assert (screen.status, Breaker.objects.exists()) == (422, False)
    assert "Enter a reason." in screen.words


def test_writing_is_resumed():
    post("stop", reason="Wrong values")

    post("resume")

    assert breakers.try_acquire(breakers.WRITE_BREAKERS) is not None
    assert AuditEntry.objects.get(action="gate.opened").actor == ada()


def test_resuming_without_a_stop_is_refused():
    assert "CRM writes were not stopped." in post("resume").words


def test_page_before_first_crm_response_says_so():
    assert "No CRM has answered yet" in Screen(browser(ada()).get("/settings/connection/")).words


def test_connection_test_confirms_the_organization(world: World):
    assert "It is the expected organization." in post("probe").words


def test_connection_test_shows_the_error(settings):
    settings.CRM_ORIGIN = "http://127.0.0.1:9"
    settings.CRM_AUTHORITY = "https://127.0.0.1:9/tenant"

    assert "The connection failed" in post("probe").words


def test_operations_are_shown_against_allowance(settings):
    settings.CRM_DAILY_ALLOWANCE, settings.PULL_IDLE_SECONDS = 25_000, 120
    today = datetime.now(UTC).date()
    DailyOperations.objects.create(day=today, number=2_500)
    DailyOperations.objects.create(day=today - timedelta(days=1), number=2_880)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert "Today 2,500 of 25,000 (10%)" in words
    assert "Yesterday 2,880" in words
    assert "Edits are read every 120 s" in words


def test_days_without_count_are_shown_as_not_counted():
    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert "Yesterday not counted" in words


def test_unreadable_rows_are_listed_with_reasons():
    problem = "The CRM's value of fullname holds a NUL character (U+0000)."
    moment = timezone.now()
    UnreadableRow.objects.create(kind="user", row_id="77", problem=problem, first_seen_at=moment, seen_at=moment)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert "User 77" in words
    assert "fullname holds a NUL character" in words
