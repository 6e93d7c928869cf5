"""A host whose clock is ten minutes off: due times and ages still follow the database's clock."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp import preferences
from syncapp.jobs import breakers
from syncapp.mirror.edits import arrivals
from syncapp.mirror.filters import schedule
from syncapp.models import Alert, Arrival, Breaker, FilterPolicy, FilterTeam, Heartbeat, Message, MirrorCursor, Person
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.notifications import alerts, sending
from syncapp.outbox import messages
from syncapp.review import notification_rules
from syncapp.sync_filters.policies import editing, job
from syncapp.sync_filters.policies.editing import PolicySpec
from tests.support.factories import make_field, make_record
from tests.support.people import ada, fred, rita
from tests.sync_filters.company import small_company

pytestmark = pytest.mark.django_db
MINUTE = 60.0


@pytest.fixture(params=[-10, 10], ids=["behind", "ahead"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set this process's clock ten minutes back or forward."""
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(minutes=request.param))


def test_policy_is_due_again_in_an_hour(wrong_clock: None) -> None:
    small_company()
    team = FilterTeam.objects.get(name="Sales North")
    MirrorCursor.objects.update_or_create(table=schedule.CURSOR, defaults={"pulled_at": database_now()})
    policy = editing.create(PolicySpec("No appointments", team_id=team.pk, tables=APPOINTMENT_TABLES), by=fred())

    assert job.work(policy.pk)

    due = FilterPolicy.objects.filter(due_at__gt=database_now(plus=59 * MINUTE))
    assert due.filter(due_at__lt=database_now(plus=61 * MINUTE)).exists()


def test_retried_mail_is_due_at_once(wrong_clock: None) -> None:
    messages.queue("test", to=rita())
    Message.objects.update(state=JobState.FAILED)

    assert sending.retry(Message.objects.get().pk, by=ada())

    assert Message.objects.all().due().exists()


def test_inventory_age_follows_database_clock(wrong_clock: None) -> None:
    MirrorCursor.objects.create(table=schedule.CURSOR, pulled_at=database_now(plus=-5 * MINUTE))

    assert not schedule.is_last_read_older_than(6 * MINUTE)
    assert schedule.is_last_read_older_than(4 * MINUTE)


def test_mail_waits_for_the_editors_name(wrong_clock: None) -> None:
    reader = rita()
    Person.objects.filter(pk=reader.pk).update(notified_until=0)
    record = make_field(
        make_record(editor_id=uuid.uuid4())
    ).record  # read a moment later; until then it may be Rita herself
    arrivals.record([record.pk])

    assert notification_rules.notify_new_edits() == 0
    Arrival.objects.update(at=database_now(plus=-2 * MINUTE))
    assert notification_rules.notify_new_edits() == 1


def test_trouble_seen_by_two_hosts_is_mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    preferences.change(by=None, operations_address="ops@contoso.example")
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="invalid_client", probe_in=30)
    Heartbeat.objects.create(name="worker", answered_at=database_now())
    told = Message.objects.filter(kind="operations", details__code="crm_credentials")
    alerts.queue_alerts()
    assert not told.exists(), "it has not lasted long enough"
    Alert.objects.update(first_seen_at=database_now(plus=-2 * MINUTE))

    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(minutes=10))  # the other host
    alerts.queue_alerts()

    assert told.exists()
