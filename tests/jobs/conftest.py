"""For each job type, good jobs and one that cannot be processed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from syncapp.capture import staging
from syncapp.capture.put_back import assessment, planning
from syncapp.capture.put_back import job as put_back_job
from syncapp.connection import clients
from syncapp.crm.audits.records import Action
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
    SelectionRun,
)
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import OPEN_STATES, Job
from syncapp.models.review.decision import Outcome
from syncapp.models.sync_filters.run import Plan, RunState
from syncapp.notifications import mail_service, sending
from syncapp.outbox import messages
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
def selection(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 0)
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
    compare = assessment.assess_contact

    def broken(restore: Restore, *others: Any) -> Any:
        if restore.contact_id in contacts:
            raise ValueError("no")
        return compare(restore, *others)

    monkeypatch.setattr(assessment, "assess_contact", broken)


def _runs(monkeypatch: pytest.MonkeyPatch) -> list[FilterRun]:
    users = [user.pk for user in many_people(6)]
    with monkeypatch.context() as small_parts:
        small_parts.setattr(preparing, "PART_SIZE", 0)
        return [
            creation.create_run(users[n : n + 2], creation.RunSpec(("appointment",), on=False), by=fred())
            for n in (0, 2, 4)
        ]


@pytest.fixture
def preparation(monkeypatch: pytest.MonkeyPatch) -> Scene:
    bad, *good = (RunPreparation.objects.get(run=run) for run in _runs(monkeypatch))
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
    values = {"team_id": team.pk, "tables": ("appointment",)}
    made = [editing.create(PolicySpec(name=f"Policy {n}", **values), by=fred()) for n in range(3)]
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
