"""The page of the connection check, and the job behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from syncapp.connection import clients
from syncapp.crm.names import Names
from syncapp.models import AuditEntry, ConnectionCheck
from syncapp.models.jobs.job import OPEN_STATES, JobState
from syncapp.tenant.checks import job, run
from syncapp.tenant.checks.findings import Answer, Finding, Level
from syncapp.tenant.checks.privileges import MORE
from tests.support.people import ada, browser
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db
URL = "/settings/connection/check/"


@pytest.fixture
def away(settings: Settings) -> None:
    """Point to a sign-in service that does not answer, so that a check is quick."""
    settings.CRM_AUTHORITY = f"https://127.0.0.1:9/{settings.CRM_TENANT}"


def stored(found: Mapping[str, Answer] | None = None, **columns: Any) -> ConnectionCheck:
    """Store a finished check in which everything is in order except `found`."""
    fine = Answer(Level.OK, "as it should be", "It works.")
    findings = [Finding(check, (found or {}).get(check.id, fine)).as_json() for check in run.all_checks(Names())]
    values = {"Organization id": "da238ce6-b2b4-56f5-aa0b-476a4284f4d1", "Redirect address": "https://x.example/cb"}
    made = {
        **{"requested_by": ada(), "due_at": timezone.now(), "state": JobState.DONE, "finished_at": timezone.now()},
        **{"total": len(findings), "findings": findings, "values": values, "seconds": 14.2, "requests": 46},
    }
    return ConnectionCheck.objects.create(**made | columns)


def page(**query: str) -> Screen:
    return Screen(browser(ada()).get(URL, query))


def press(**controls: str) -> Screen:
    return Screen(browser(ada()).post(f"{URL}now", controls, follow=True))


MISSING = Answer(
    Level.FAILED, "404 not there", "Nothing can be reviewed.", "Create them.", fix="Create the staging tables"
)


def test_page_before_first_check_says_so():
    screen = page()

    assert "has not been checked yet" in screen.words
    assert "Check now" in screen.words


def test_starting_check_stores_job_and_publishes_nothing():
    screen = press()

    check = ConnectionCheck.objects.get()
    assert (check.state, check.requested_by, check.dispatched_at) == (JobState.READY, ada(), None)
    assert "Waiting for a worker." in screen.words
    assert "Check now" not in screen.words
    assert AuditEntry.objects.get(action="connection.checked").actor == ada()


def test_second_start_is_refused_while_checking():
    press()

    assert "already in progress" in press().words
    assert ConnectionCheck.objects.count() == 1


def test_worker_stores_findings_and_page_shows_them(away: None):
    press()

    job.work(ConnectionCheck.objects.get().pk, crm=clients.crm(), names=clients.names(), seconds=60)

    check = ConnectionCheck.objects.get()
    assert check.state == JobState.DONE
    assert [each["id"] for each in check.findings] == [check.id for check in run.all_checks(clients.names())]
    assert "Filters need 1 thing. Reviewing needs 1 thing." in page().words


def test_check_resumes_where_its_worker_died(away: None):
    press()
    check = ConnectionCheck.objects.get()
    job.work(check.pk, crm=clients.crm(), names=clients.names(), seconds=0)

    check.refresh_from_db()
    assert (check.state, len(check.findings)) == (JobState.READY, 1)
    assert f"1 of {check.total} checks made." in page().words

    job.work(check.pk, crm=clients.crm(), names=clients.names(), seconds=60)

    check.refresh_from_db()
    assert [each["id"] for each in check.findings] == [each.id for each in run.all_checks(clients.names())]


def test_old_checks_are_deleted(away: None):
    for _ in range(7):
        stored()
    press()

    job.work(
        ConnectionCheck.objects.get(state__in=OPEN_STATES).pk, crm=clients.crm(), names=clients.names(), seconds=60
    )

    assert ConnectionCheck.objects.count() == 5


def test_page_polls_while_check_runs():
    stored()
    ConnectionCheck.objects.create(requested_by=ada(), due_at=timezone.now(), total=78, findings=[{}] * 30)

    part = Screen(browser(ada()).get(URL, headers={"HX-Request": "true"}))

    assert "30 of 78 checks made." in part.words
    assert 'hx-trigger="every 2s"' in part.html
    assert "<html" not in part.html
    assert "Filters work. Reviewing works." in part.words


def test_page_of_finished_check_does_not_poll():
    stored()

    assert "hx-trigger" not in Screen(browser(ada()).get(URL, headers={"HX-Request": "true"})).html


def test_missing_items_link_to_their_findings():
    stored({"staging-tables": MISSING})

    screen = page()

    assert "Filters work. Reviewing needs 1 thing." in screen.words
    assert ("a", {"href": "#finding-staging-tables"}) in screen.tags
    opened = [found["id"] for tag, found in screen.tags if tag == "details" and "open" in found]
    assert opened == ["finding-staging-tables"]


def test_privileges_are_listed_with_their_state():
    denied = Answer(Level.FAILED, "not held", "The portal cannot write.", "Give it.", fix="Allow writing contacts")
    more = Answer(Level.WARNING, "1 held", "Not used.", "Take it away.", items=("prvDeleteContact",))
    stored({"privilege.prvwritecontact": denied, MORE: more})

    words = page().words

    assert "prvWriteContact Organization Not held" in words
    assert "Delete contact prvDeleteContact" in words
    assert "Not needed, remove it from the role" in words
    assert "For filters" in words
    assert "For reviewing" not in words


def test_values_that_must_match_are_shown():
    stored()

    assert "da238ce6-b2b4-56f5-aa0b-476a4284f4d1" in page().words
    assert "https://x.example/cb" in page().words


def test_page_says_whether_anything_was_written():
    stored()
    assert "Nothing was written." in page().words

    stored(probes_writes=True)
    assert "Nothing was written." not in page().words


def test_check_can_include_writing_probes():
    press(probe="on", contact="")

    check = ConnectionCheck.objects.get()
    assert (check.probes_writes, check.contact_id) == (True, None)


def test_invalid_contact_is_kept_with_error():
    stored()

    screen = press(probe="on", contact="Marta")

    assert screen.status == 422
    assert "Enter the contact’s id" in screen.words
    assert screen.form["contact"] == ["Marta"]
    assert not ConnectionCheck.objects.filter(state__in=OPEN_STATES).exists()


def test_failed_check_is_reported():
    stored()
    stored(state=JobState.FAILED)

    assert "The last check could not be made." in page().words
