"""What may be written to the CRM, and the stop switch: who did it, why, and what everybody reads meanwhile."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.connection import clients
from syncapp.jobs import breakers
from syncapp.models import AuditEntry, Breaker, Connection, UnreadableRow
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen
from tests.support.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def known() -> Connection:
    organization = "da238ce6-b2b4-56f5-aa0b-476a4284f4d1"
    return Connection.objects.create(organization_id=organization, origin="https://contoso.example")


def posted(path: str, **controls: str) -> Screen:
    return Screen(browser(ada()).post(f"/settings/connection/{path}", controls, follow=True))


def test_a_new_connection_is_read_only_and_each_kind_is_enabled_by_itself(known):
    screen = Screen(browser(ada()).get("/settings/connection/"))
    assert "Read only" in screen.words
    assert not clients.review_writes_are_enabled()

    posted("writes", kind="review", do="enable")

    assert (clients.review_writes_are_enabled(), clients.filter_writes_are_enabled()) == (True, False)
    entry = AuditEntry.objects.get(action="connection.writes")
    assert (entry.actor, entry.details) == (ada(), {"kind": "review", "allowed": True})
    assert (entry.value.before, entry.value.after) == ("false", "true")


def test_writing_is_forbidden_again(known):
    posted("writes", kind="filters", do="enable")

    posted("writes", kind="filters", do="forbid")

    assert not clients.filter_writes_are_enabled()


def test_a_kind_that_there_is_not_is_not_found(known):
    assert posted("writes", kind="everything", do="enable").status == 404


def test_a_stop_has_a_reason_that_everybody_reads():
    screen = posted("stop", reason="Wrong values since 9")

    breaker = Breaker.objects.get(name=Breaker.Name.OPERATOR_STOP)
    assert (breaker.opened_by, breaker.reason) == (ada(), "Wrong values since 9")
    assert breakers.try_acquire(breakers.WRITE_BREAKERS) is None
    assert "All CRM writes are stopped." in screen.words
    assert "by Ada (Wrong values since 9)" in Screen(browser(rita()).get("/review/")).words
    assert AuditEntry.objects.get(action="gate.closed").value.reason == "Wrong values since 9"


def test_a_stop_without_a_reason_stops_nothing():
    screen = posted("stop", reason=" ")

    assert (screen.status, Breaker.objects.exists()) == (422, False)
    assert "Enter a reason." in screen.words


def test_writing_is_resumed():
    posted("stop", reason="Wrong values")

    posted("resume")

    assert breakers.try_acquire(breakers.WRITE_BREAKERS) is not None
    assert AuditEntry.objects.get(action="gate.opened").actor == ada()


def test_resuming_what_runs_says_so():
    assert "CRM writes were not stopped." in posted("resume").words


def test_the_page_before_the_first_contact_says_what_will_be_there():
    assert "No CRM has answered yet" in Screen(browser(ada()).get("/settings/connection/")).words


def test_asking_the_crm_says_how_long_it_took(world: World):
    assert "It is the expected organization." in posted("probe").words


def test_asking_a_silent_crm_says_what_is_wrong(settings):
    settings.CRM_ORIGIN = "http://127.0.0.1:9"
    settings.CRM_AUTHORITY = "https://127.0.0.1:9/tenant"

    assert "The connection failed" in posted("probe").words


def test_unreadable_rows_are_listed_with_what_is_wrong():
    problem = "The CRM's value of fullname holds a NUL character (U+0000)."
    moment = timezone.now()
    UnreadableRow.objects.create(kind="user", row_id="77", problem=problem, first_seen_at=moment, seen_at=moment)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert "User 77" in words
    assert "fullname holds a NUL character" in words
