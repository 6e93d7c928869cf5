"""Every job type with a job that cannot be processed among good ones: the good ones finish, the bad one fails."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from syncapp import log_context, preferences
from syncapp.capture import staging
from syncapp.capture.put_back import assessment, planning
from syncapp.capture.put_back import job as put_back_job
from syncapp.connection import clients
from syncapp.crm.audits.records import Action
from syncapp.jobs import queue, runner
from syncapp.jobs.runner import JobType
from syncapp.models import (
    Capture,
    CaptureEntry,
    CaptureJob,
    ConnectionCheck,
    Decision,
    Delivery,
    FilterPolicy,
    FilterRun,
    FilterRunChange,
    FilterRunItem,
    FilterUser,
    MeetingCount,
    Message,
    PutBackJob,
    PutBackPreparation,
    Restore,
    RunPreparation,
    SelectionItem,
    SelectionRun,
    SyncField,
)
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import OPEN_STATES, Job, JobState, database_now
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.models.sync_filters.run import Outcome as UserOutcome
from syncapp.models.sync_filters.run import Plan, RunState
from syncapp.notifications import alerts, mail_service, sending
from syncapp.outbox import messages
from syncapp.review import decisions
from syncapp.review.bulk import selections
from syncapp.review.delivery.job import deliver
from syncapp.review.queue.criteria import NO_CRITERIA, Tab
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.policies import job as policy_rounds
from syncapp.sync_filters.policies.editing import PolicySpec
from syncapp.sync_filters.runs import creation, meetings, transitions
from syncapp.sync_filters.runs import job as runs
from syncapp.sync_filters.runs import preparation as preparing
from syncapp.tenant.checks import job as connection_checks
from tests.capture import put_back_scene
from tests.notifications.conftest import PostOffice, post_office  # noqa: F401  (a fixture is found by its name)
from tests.support.factories import make_field, make_record
from tests.support.people import fred, rita
from tests.support.world import World
from tests.sync_filters.company import many_people, small_company
from tests.sync_filters.conftest import read, scenery  # noqa: F401  (fixtures are found by their names)
from tests.sync_filters.scenery import Scenery

pytestmark = pytest.mark.django_db
OPERATORS = "ops@contoso.example"


@dataclass
class Scene:
    """Good jobs and a bad one of the same type; `work` processes one job as a worker does."""

    work: Callable[[Any], object]
    bad: Job
    good: list[Job]

    def process_all(self) -> None:
        """Process all open jobs, the bad one first, as if all were due."""
        for job in (self.bad, *self.good):
            opened = type(job).objects.filter(pk=job.pk, state__in=OPEN_STATES)
            if opened.update(due_at=Now()):
                self.work(job.pk)

    def states(self) -> list[str]:
        return [type(job).objects.values_list("state", flat=True).get(pk=job.pk) for job in self.good]


@pytest.fixture(autouse=True)
def _three_attempts(settings: Settings, db: None) -> None:
    settings.ATTEMPTS = 3


@pytest.fixture
def delivery(world: World) -> Scene:
    fields = [world.edited(number, jobtitle="Head")["jobtitle"] for number in range(3)]
    world.decide(approve=tuple(fields))
    bad, *good = (Delivery.objects.get(target_id=field.record.target_id) for field in fields)
    Decision.objects.filter(field=fields[0]).update(outcome="nonsense")
    crm = clients.verified_client()
    return Scene(lambda pk: deliver(pk, crm=crm), bad, good)


@pytest.fixture
def message(post_office: PostOffice) -> Scene:  # noqa: F811  (the fixture imported above)
    for _ in range(3):
        assert messages.queue("test", to=rita())
    bad, *good = Message.objects.order_by("created_at")
    Message.objects.filter(pk=bad.pk).update(kind="operations", details={})
    return Scene(lambda pk: sending.send(pk, channel=mail_service.channel()), bad, good)


@pytest.fixture
def selection(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(selections, "IN_REQUEST", 0)
    made = []
    for number in range(3):
        make_field(make_record(f"Person {number}"))
        selection = selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())
        made.append(selections.start(selection, selections.BulkDecision(Outcome.APPROVED), number=None, by=rita()))
    SelectionRun.objects.filter(pk=made[0].pk).update(outcome="nonsense")
    return Scene(lambda pk: selections.work(pk, seconds=20), made[0], made[1:])


@pytest.fixture
def capture(world: World) -> Scene:
    moment = timezone.now()
    Capture.objects.create(mode=CaptureMode.STAGING, mode_since=moment, observing_since=moment)
    made = [CaptureJob.objects.create(contact_id=world.contact(number), due_at=moment) for number in range(3)]
    end_of_time = datetime.max.replace(tzinfo=UTC)
    edit = CaptureEntry.objects.create(
        audit_id=uuid.uuid4(),
        contact_id=made[0].contact_id,
        action=Action.UPDATE,
        happened_at=end_of_time,
        read_at=moment,
        source=Source.OUTLOOK,
        state=EntryState.STAGED,
    )
    Restore.objects.create(
        contact_id=made[0].contact_id,
        audit_id=edit.audit_id,
        column_name="jobtitle",
        source=Source.OUTLOOK,
        result=RestoreResult.RESTORED,
        happened_at=end_of_time,
        done_at=moment,
    )
    crm = clients.verified_client()
    return Scene(lambda pk: staging.stage(pk, crm=crm), made[0], list(made[1:]))


@pytest.fixture
def put_back(world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    contacts = [put_back_scene.Restored(world).contact for _ in range(3)]
    put_back_scene.started()
    bad, *good = (PutBackJob.objects.get(contact_id=each) for each in contacts)
    _break_comparison(monkeypatch, {bad.contact_id})
    crm = clients.verified_client()
    return Scene(lambda pk: put_back_job.put_back(pk, crm=crm), bad, good)


@pytest.fixture
def put_back_preparation(world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    contacts = [put_back_scene.Restored(world, **{column: "1"}).contact for column in put_back_scene.ORIGINALS]
    now = timezone.now()
    ranges = [planning.Range(now - timedelta(hours=1), now, column=column) for column in put_back_scene.ORIGINALS]
    made = [PutBackPreparation.objects.get(plan=planning.create_plan(each, by=rita())) for each in ranges]
    _break_comparison(monkeypatch, {contacts[0]})
    crm = clients.verified_client()
    return Scene(lambda pk: planning.prepare(pk, crm=crm, seconds=20), made[0], list(made[1:]))


def _break_comparison(monkeypatch: pytest.MonkeyPatch, contacts: set[uuid.UUID]) -> None:
    compare = assessment.by_contact

    def broken(restore: Restore, *others: Any) -> Any:
        if restore.contact_id in contacts:
            raise ValueError("no")
        return compare(restore, *others)

    monkeypatch.setattr(assessment, "by_contact", broken)


def _runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[FilterRun]:
    monkeypatch.setattr(preparing, "PART_SIZE", 0)
    users = [user.pk for user in many_people(6)]
    made = [
        creation.create_run(users[n : n + 2], creation.RunSpec(("appointment",), on=False), by=fred())
        for n in (0, 2, 4)
    ]
    monkeypatch.undo()
    settings.ATTEMPTS = 3
    return made


@pytest.fixture
def preparation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    bad, *good = (RunPreparation.objects.get(run=run) for run in _runs(settings, monkeypatch))
    RunPreparation.objects.filter(pk=bad.pk).update(user_ids=b"not an id")
    return Scene(preparing.work, bad, good)


@pytest.fixture
def meeting_count(read: Scenery) -> Scene:  # noqa: F811  (the fixture imported above)
    made = []
    for user in FilterUser.objects.people().order_by("name_key")[:3]:
        run = creation.create_run([user.pk], creation.RunSpec(("appointment",), on=False), by=fred())
        run.items.update(needs_count=True)
        FilterRun.objects.filter(pk=run.pk).update(state=RunState.PLANNED)
        meetings.request_count(run)
        made.append(MeetingCount.objects.get(run=run))
    FilterRun.objects.filter(pk=made[0].pk).update(tables=7)
    crm = clients.verified_client()
    return Scene(lambda pk: meetings.work(pk, crm=crm, seconds=20), made[0], made[1:])


@pytest.fixture
def filters(read: Scenery) -> Scene:  # noqa: F811  (the fixture imported above)
    users = _users_to_switch()
    bad, *good = (FilterRunItem.objects.get(run=_started(user)) for user in users)
    FilterRun.objects.filter(pk=bad.run_id).update(operation="nonsense")
    crm = clients.verified_client()
    run_of = {item.pk: item.run_id for item in (bad, *good)}
    return Scene(lambda pk: runs.work(run_of[pk], crm=crm, seconds=20), bad, good)


@pytest.fixture
def shared_run(read: Scenery) -> Scene:  # noqa: F811  (the fixture imported above)
    run = _started(*_users_to_switch())
    bad, *good = FilterRunItem.objects.filter(run=run).order_by("position")
    FilterRunChange.objects.filter(item=bad).update(etag='W/"1"\r\nX-Other: 1')
    crm = clients.verified_client()
    return Scene(lambda _pk: runs.work(run.pk, crm=crm, seconds=20), bad, good)


def _users_to_switch() -> list[FilterUser]:
    return list(FilterUser.objects.filter(appointments="on", has_own_roles=True, is_disabled=False)[:3])


def _started(*users: FilterUser) -> FilterRun:
    run = creation.create_run([user.pk for user in users], creation.RunSpec(("appointment",), on=False), by=fred())
    run.items.update(plan=Plan.CHANGE, needs_count=False)
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.PLANNED)
    run.refresh_from_db()
    return transitions.start(run, by=fred())


@pytest.fixture
def policy() -> Scene:
    team = small_company()
    wish = {"team_id": team.pk, "tables": ("appointment",)}
    made = [editing.create(PolicySpec(name=f"Policy {n}", **wish), by=fred()) for n in range(3)]
    FilterPolicy.objects.filter(pk=made[0].pk).update(exceptions=["not an id"])
    return Scene(policy_rounds.work, made[0], made[1:])


@pytest.fixture
def connection_check(settings: Settings) -> Scene:
    settings.CRM_AUTHORITY = f"https://127.0.0.1:9/{settings.CRM_TENANT}"  # keeps the check quick
    made = [
        ConnectionCheck.objects.create(slot=number, requested_by=rita(), due_at=timezone.now()) for number in range(3)
    ]
    ConnectionCheck.objects.filter(pk=made[0].pk).update(findings={"no": "list"})
    work = partial(connection_checks.work, crm=clients.crm(), names=clients.names(), seconds=20)
    return Scene(work, made[0], made[1:])


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
    alerts.send_alerts()
    alerts.send_alerts()

    (told,) = Message.objects.filter(address=OPERATORS, details__code__startswith=f"failed-{name}-")
    assert job_type.title in told.details["text"]


@pytest.mark.parametrize("name", TYPES)
def test_job_that_ends_its_process_fails_too(name: str, request: pytest.FixtureRequest) -> None:
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


def test_unstorable_failure_reason_still_ends_the_job(preparation: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(preparing.PreparationJob):
        def fail(self, lease: queue.Lease, failure: runner.Failure) -> None:
            raise ValueError("no")

    for _ in range(3):
        RunPreparation.objects.filter(pk=preparation.bad.pk).update(due_at=Now())
        runner.run(Broken(), preparation.bad.pk)

    preparation.bad.refresh_from_db()
    assert preparation.bad.state == JobState.FAILED


def test_failed_delivery_is_shown_with_its_reason(delivery: Scene) -> None:
    for _ in range(3):
        delivery.process_all()

    field = SyncField.objects.get(decisions__delivery=delivery.bad.pk)
    assert field.delivery == FieldDelivery.FAILED
    assert "unexpected error" in field.trouble
    assert Decision.objects.get(field=field).state == DecisionState.FAILED


def test_bad_contact_does_not_stop_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [make_field(make_record(f"Person {number}")) for number in range(55)]
    selection = selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())
    decide = decisions.decide

    def decide_but_the_fourth(choices: Any, **more: Any) -> Any:
        if choices[0].field_id == fields[3].pk:
            raise RuntimeError("cannot be decided")
        return decide(choices, **more)

    monkeypatch.setattr(decisions, "decide", decide_but_the_fourth)
    run = selections.start(selection, selections.BulkDecision(Outcome.APPROVED), number=55, by=rita())
    scene = Scene(lambda pk: selections.work(pk, seconds=20), run, [])

    scene.process_all()
    assert Decision.objects.count() == 54
    for _ in range(2):
        scene.process_all()

    (refused,) = SelectionItem.objects.filter(result=SelectionItem.Result.REFUSED)
    run.refresh_from_db()
    assert (refused.field, run.state, run.attempts) == (fields[3], JobState.FAILED, 3)
    assert "RuntimeError" in refused.why


def test_failed_count_holds_back_uncounted_users(meeting_count: Scene) -> None:
    for _ in range(3):
        meeting_count.process_all()

    run = FilterRun.objects.get(pk=meeting_count.bad.pk)
    item = run.items.get()
    assert (run.state, item.plan, item.needs_count) == (RunState.PLANNED, Plan.HELD, False)
    assert "could not be counted" in item.why


def test_counting_run_without_a_job_gets_one(meeting_count: Scene) -> None:
    MeetingCount.objects.all().delete()

    meetings.create_missing_jobs()
    meetings.create_missing_jobs()

    assert MeetingCount.objects.count() == 3


def test_bad_user_uses_no_attempts_of_others(shared_run: Scene) -> None:
    shared_run.process_all()

    for item in shared_run.good:
        item.refresh_from_db()
        assert (item.outcome, item.attempts) == (UserOutcome.DONE, 1)


def test_run_ends_with_its_bad_user_failed(filters: Scene) -> None:
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


def test_job_types_have_banner_texts() -> None:
    for job_type in runner.job_types():
        assert issubclass(job_type, JobType)
        assert job_type.title[0].isupper()
        assert 0 < job_type.overdue_after <= 3600
