"""Every job type with a job that cannot be processed among good ones: the good ones finish, the bad one fails."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from syncapp import log_context, preferences
from syncapp.jobs import queue, runner
from syncapp.jobs.runner import JobType
from syncapp.models import (
    Decision,
    FilterPolicy,
    FilterRun,
    FilterRunItem,
    MeetingCount,
    Message,
    RunPreparation,
    SelectionItem,
    SyncField,
)
from syncapp.models.jobs.job import Job, JobState, database_now
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.models.sync_filters.run import Outcome as UserOutcome
from syncapp.models.sync_filters.run import Plan, RunState
from syncapp.notifications import alerts, mail_service, sending
from syncapp.review.bulk import selections
from syncapp.review.queue.criteria import NO_CRITERIA, Tab
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.runs import meetings
from syncapp.sync_filters.runs import preparation as preparing
from tests.jobs.conftest import Scene
from tests.support.factories import make_field, make_record
from tests.support.failing_statements import failing
from tests.support.people import fred, rita

pytestmark = pytest.mark.django_db
OPERATORS = "ops@contoso.example"


@pytest.fixture(autouse=True)
def _three_attempts(settings: Settings, db: None) -> None:
    settings.ATTEMPTS = 3


def test_tests_cover_every_job_type(request: pytest.FixtureRequest) -> None:
    assert {job_type.name for job_type in runner.job_types()} == set(TYPES)
    assert {job_type.model for job_type in runner.job_types()} == set(Job.__subclasses__())


TYPES = (
    "delivery",
    "message",
    "selection",
    "preparation",
    "meeting_count",
    "filters",
    "policy",
    "connection_check",
    "capture",
    "put_back",
    "put_back_preparation",
)


@pytest.mark.parametrize("name", TYPES)
def test_only_the_bad_job_fails(name: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> None:
    scene: Scene = request.getfixturevalue(name)
    begun = time.monotonic()

    scene.process_all()

    assert time.monotonic() - begun < 5
    if name == "policy":  # a policy is never done; it becomes due again
        assert FilterPolicy.objects.exclude(compared_at=None).count() == 2
    else:
        assert scene.states() == [JobState.DONE, JobState.DONE]
    assert "Traceback" in caplog.text

    for _ in range(2):
        scene.process_all()

    scene.bad.refresh_from_db()
    assert (scene.bad.state, scene.bad.attempts, scene.bad.lease_until) == (JobState.FAILED, 3, None)
    assert scene.bad.last_error.startswith("unexpected: ")
    _operators_were_told(name)


def _operators_were_told(name: str) -> None:
    job_type = next(each for each in runner.job_types() if each.name == name)
    preferences.change(by=None, operations_address=OPERATORS)
    alerts.queue_alerts()
    alerts.queue_alerts()

    (told,) = Message.objects.filter(address=OPERATORS, details__code__startswith=f"failed-{name}-")
    assert job_type.title in told.details["text"]


@pytest.mark.parametrize("name", TYPES)
def test_job_that_kills_its_process_fails(name: str, request: pytest.FixtureRequest) -> None:
    scene: Scene = request.getfixturevalue(name)
    model = type(scene.bad)

    for _ in range(3):
        model.objects.filter(pk=scene.bad.pk).update(due_at=Now())
        assert queue.claim(model, scene.bad.pk)
        model.objects.filter(pk=scene.bad.pk).update(lease_until=database_now(plus=-1))
        queue.sweep(model)
    scene.process_all()

    scene.bad.refresh_from_db()
    assert (scene.bad.state, scene.bad.last_error) == (JobState.FAILED, queue.PROCESS_ENDED)


def test_swept_job_waits_before_the_next_attempt(preparation: Scene) -> None:
    bad = RunPreparation.objects.filter(pk=preparation.bad.pk)
    for attempt in range(1, 3):
        bad.update(due_at=Now())
        queue.claim(RunPreparation, preparation.bad.pk)
        bad.update(lease_until=database_now(plus=-1))
        queue.sweep(RunPreparation)
        assert bad.due().exists() == (attempt == 1)


def test_log_lines_name_their_job(delivery: Scene) -> None:
    contexts: list[Mapping[str, str]] = []

    class Recording(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            contexts.append(log_context.current())

    handler = Recording()
    logging.getLogger("syncapp").addHandler(handler)
    try:
        delivery.work(delivery.bad.pk)
    finally:
        logging.getLogger("syncapp").removeHandler(handler)

    assert {"job": f"delivery:{delivery.bad.pk}"} in contexts
    assert log_context.current() == {}


def test_job_ends_although_failure_cannot_be_recorded(preparation: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(preparing.PreparationJob):
        def fail(self, lease: queue.Lease, failure: runner.Failure) -> None:
            raise ValueError("no")

    for _ in range(3):
        RunPreparation.objects.filter(pk=preparation.bad.pk).update(due_at=Now())
        runner.run(Broken(), preparation.bad.pk)

    preparation.bad.refresh_from_db()
    assert preparation.bad.state == JobState.FAILED


def test_failed_delivery_marks_field_with_reason(delivery: Scene) -> None:
    for _ in range(3):
        delivery.process_all()

    field = SyncField.objects.get(decisions__delivery=delivery.bad.pk)
    assert field.delivery == FieldDelivery.FAILED
    assert "unexpected error" in field.trouble
    assert Decision.objects.get(field=field).state == DecisionState.FAILED


def test_bad_contact_does_not_stop_selection() -> None:
    fields = [make_field(make_record(f"Person {number}")) for number in range(55)]
    selection = selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())
    run = selections.start(selection, selections.BulkDecision(Outcome.APPROVED), number=55, by=rita())
    scene = Scene(lambda pk: selections.work(pk, seconds=20), run, [])

    with failing("INSERT INTO", Decision, fields[3].pk):
        scene.process_all()
        assert Decision.objects.count() == 54
        for _ in range(2):
            scene.process_all()

    (refused,) = SelectionItem.objects.filter(result=SelectionItem.Result.REFUSED)
    run.refresh_from_db()
    assert (refused.field, run.state, run.attempts) == (fields[3], JobState.FAILED, 3)
    assert "DataError" in refused.why


def test_failed_meeting_count_holds_back_uncounted_users(meeting_count: Scene) -> None:
    for _ in range(3):
        meeting_count.process_all()

    run = FilterRun.objects.get(pk=meeting_count.bad.pk)
    item = run.items.get()
    assert (run.state, item.plan, item.needs_count) == (RunState.PLANNED, Plan.HELD, False)
    assert "could not be counted" in item.why


def test_missing_meeting_count_jobs_are_created_once(meeting_count: Scene) -> None:
    MeetingCount.objects.all().delete()

    meetings.create_missing_jobs()
    meetings.create_missing_jobs()

    assert MeetingCount.objects.count() == 3


def test_bad_user_costs_other_users_no_attempt(shared_run: Scene) -> None:
    shared_run.process_all()

    for item in shared_run.good:
        item.refresh_from_db()
        assert (item.outcome, item.attempts) == (UserOutcome.DONE, 1)


def test_run_is_done_after_its_bad_user_fails(filters: Scene) -> None:
    for _ in range(3):
        filters.process_all()

    item = FilterRunItem.objects.get(pk=filters.bad.pk)
    assert (item.outcome, item.run.state) == (UserOutcome.FAILED, RunState.DONE)


def test_failed_policy_continues_when_resumed(policy: Scene) -> None:
    for _ in range(3):
        policy.process_all()
    stopped = FilterPolicy.objects.get(pk=policy.bad.pk)
    assert "could not be compared" in stopped.asks

    FilterPolicy.objects.filter(pk=stopped.pk).update(exceptions=[])
    editing.resume(stopped, by=fred())
    policy.process_all()

    stopped.refresh_from_db()
    assert (stopped.asks, stopped.state) == ("", JobState.READY)
    assert stopped.compared_at is not None


def test_batch_isolates_job_after_its_process_ended(shared_run: Scene) -> None:
    FilterRunItem.objects.filter(pk=shared_run.bad.pk).update(last_error=queue.PROCESS_ENDED)
    rows = FilterRunItem.objects.filter(run=shared_run.bad.run_id).order_by("position")

    assert {lease.pk for lease in queue.claim_batch(rows, limit=10)} == {item.pk for item in shared_run.good}
    assert [lease.pk for lease in queue.claim_batch(rows, limit=10)] == [shared_run.bad.pk]


def test_unknown_id_is_ignored(message: Scene) -> None:
    assert not runner.run(sending.MessageJob(mail_service.channel()), uuid.uuid4())


def test_job_types_have_title_and_overdue_limit() -> None:
    for job_type in runner.job_types():
        assert issubclass(job_type, JobType)
        assert job_type.title[0].isupper()
        assert 0 < job_type.overdue_after <= 3600
