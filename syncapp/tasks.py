"""Celery's tasks: each takes an id and calls one operation. The rows decide, so a task may run twice or never.

Periodic tasks, pulses and mails have a separate queue (portal/settings.py), so that slow writes to the CRM do not
hold them up.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from celery import current_app, shared_task
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from syncapp.activity import daily
from syncapp.capture import counts as captured
from syncapp.capture import reading, rhythm, staging
from syncapp.capture.put_back import job as put_backs
from syncapp.capture.put_back import planning
from syncapp.capture.staging import CaptureStagingJob
from syncapp.connection import usage
from syncapp.connection.clients import WrongOrganization, crm, names, verified_client
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, ProtocolError
from syncapp.demo import content
from syncapp.health import clocks, heartbeats
from syncapp.jobs import breakers, deliveries, periodic, queue, runner
from syncapp.jobs.runner import JobType
from syncapp.mirror import cursors
from syncapp.mirror.edits import live_values
from syncapp.mirror.edits import pull as changes
from syncapp.mirror.filters import inventory, schedule
from syncapp.mirror.filters.schedule import Extent
from syncapp.models import Breaker, Heartbeat, Message
from syncapp.models.jobs.job import Job, database_now
from syncapp.notifications import alerts, mail_service, sending
from syncapp.notifications.sending import MessageJob
from syncapp.review import notification_rules
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import SelectionJob
from syncapp.review.delivery import job as delivery
from syncapp.review.delivery.job import DeliveryJob
from syncapp.review.rules import runs as rule_runs
from syncapp.sync_filters.inventory import forecasts
from syncapp.sync_filters.policies import job as policy_rounds
from syncapp.sync_filters.policies.job import PolicyJob
from syncapp.sync_filters.runs import job as runs
from syncapp.sync_filters.runs import meetings, preparation
from syncapp.sync_filters.runs.concurrency import CONCURRENT_TASKS
from syncapp.sync_filters.runs.meetings import MeetingCountJob
from syncapp.sync_filters.runs.preparation import PreparationJob
from syncapp.tenant.checks import job as connection_checks
from syncapp.tenant.checks.job import ConnectionCheckJob

log = logging.getLogger(__name__)

REFUSED_READS = (Breaker.Name.FORBIDDEN_READ, Breaker.Name.REFUSED_READ)
# WRONG_ORGANIZATION is left out, because only a read finds out that the right CRM is back; it verifies the id first.
# CRM_UNREACHABLE is left out, because unanswered writes open it too, and reads, one at a time, are its best probe.
READ_BREAKERS = (*REFUSED_READS, Breaker.Name.CRM_CREDENTIALS, Breaker.Name.CRM_THROTTLED)
FILTER_BREAKERS = (
    Breaker.Name.FORBIDDEN_FILTERS,
    Breaker.Name.REFUSED_INVENTORY,
    *breakers.CONNECTION_BREAKERS,
)
REFUSED_FILTERS = (Breaker.Name.FORBIDDEN_FILTERS, Breaker.Name.REFUSED_FILTERS)
REFUSED_AUDITS = (Breaker.Name.FORBIDDEN_AUDIT, Breaker.Name.REFUSED_AUDIT)
AUDIT_BREAKERS = (*REFUSED_AUDITS, Breaker.Name.CRM_CREDENTIALS, Breaker.Name.CRM_THROTTLED)
# While the broker holds this many messages, no more are published: the workers are busy or down.
MAX_WAITING_MESSAGES = 400
# Seconds after which a round of a short task counts as stalled; two concurrent rounds are safe.
SHORT_TASK_SECONDS = 10.0


@task_prerun.connect
def _measure_clock(**_: Any) -> None:
    with suppress(DatabaseError):  # the task itself reports it
        clocks.measure(clocks.WORKER)


@task_postrun.connect
def _store_usage(**_: Any) -> None:
    usage.store()


@dataclass(frozen=True, slots=True)
class Periodic:
    """A periodic task, the seconds after which a started round counts as stalled, and whether a round is wanted now."""

    task: Any
    stalled_after: float
    is_due: Callable[[], bool]


periodic_tasks: dict[str, Periodic] = {}  # by the name of its row


def _periodic(
    *, stalled_after: float, is_due: Callable[[], bool] = lambda: True
) -> Callable[[Callable[[], None]], Any]:
    """Turn a function into a task that beat publishes with the number of its round (jobs/periodic.py)."""

    def make(work: Callable[[], None]) -> Any:
        name = work.__name__

        @functools.wraps(work)
        def run(number: int | None = None) -> None:
            if number is None:  # published by hand, or by beat of an earlier release
                work()
            elif periodic.start(name, number):
                try:
                    work()
                finally:
                    usage.store()
                    periodic.finish(name, number)

        task = shared_task(run)
        periodic_tasks[name] = Periodic(task, stalled_after, is_due)
        return task

    return make


def count_waiting_messages(queue_name: str) -> int | None:
    """Return how many messages wait in a queue of the broker; None if the broker is down."""
    with current_app.connection_or_acquire() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue_name).message_count)
        except (OSError, OperationalError, *connection.connection_errors):
            return None


@_periodic(stalled_after=SHORT_TASK_SECONDS)
def tick() -> None:
    """Requeue expired leases, adopt orphans and dispatch due jobs, every second. Safe with two schedulers."""
    models = [job_type.model for job_type in runner.job_types()]
    queue.sweep_all(models)
    queue.failpoint("tick.swept")
    with runner.isolated("adopting decisions without a delivery"):
        deliveries.adopt_orphans()
    with runner.isolated("adopting runs without a count"):
        meetings.create_missing_jobs()
    if heartbeats.claim_pulse():
        pulse.delay()
    undispatched = queue.models_with_undispatched(models)
    # Without a limit, a slow mail service would occupy every worker, and deliveries would wait.
    room = queue.room_for(Message, limit=settings.MAILS_AT_ONCE) if Message in undispatched else 0
    _dispatch(MessageJob, send, among=undispatched, limit=room)
    if (count_waiting_messages(settings.CELERY_TASK_DEFAULT_QUEUE) or 0) >= MAX_WAITING_MESSAGES:
        return
    dispatch = functools.partial(_dispatch, among=undispatched)
    dispatch(DeliveryJob, deliver)
    dispatch(CaptureStagingJob, stage_captured)
    dispatch(put_backs.PutBackContactJob, put_back_contact)
    dispatch(planning.PutBackPreparationJob, prepare_put_back)
    dispatch(SelectionJob, decide_selection)
    dispatch(PolicyJob, keep_policy)
    dispatch(PreparationJob, prepare_run)
    dispatch(MeetingCountJob, count_meetings)
    dispatch(ConnectionCheckJob, check_connection)
    if breakers.allows_dispatch(runs.BREAKERS):
        # Several tasks for each run with users to switch; each claims its users from the rows.
        switching = runs.claim_for_dispatch()
        with _undone_unless_published(lambda: runs.undo_dispatch(*switching)):
            for run_id in switching:
                for _ in range(CONCURRENT_TASKS):
                    switch_filters.delay(str(run_id))


def _dispatch(job_type: type[JobType], task: Any, *, among: Collection[type[Job]], limit: int = 200) -> None:
    """Publish up to `limit` due jobs of a kind, if any, unless an open breaker would stop them anyway."""
    if limit <= 0 or job_type.model not in among or not breakers.allows_dispatch(job_type.breakers):
        return
    ids = queue.claim_for_dispatch(job_type.model, limit=limit)
    queue.failpoint("tick.dispatched")
    with _undone_unless_published(lambda: queue.undo_dispatch(job_type.model, ids)):
        for pk in ids:
            task.delay(str(pk))


@contextmanager
def _undone_unless_published(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if the broker is down, so that the next tick publishes the same jobs."""
    try:
        yield
    except (OSError, OperationalError):  # kombu's own error, which Celery passes on, is not an OSError
        undo()
        raise


@shared_task
def pulse() -> None:
    """Record that this worker takes messages from the broker and reaches the database."""
    Heartbeat.objects.filter(name="worker").update(answered_at=Now())


@shared_task
def deliver(delivery_id: str) -> None:
    """Write the due decisions of one contact to the CRM."""
    delivery.deliver(uuid.UUID(delivery_id), crm=crm())


@shared_task
def stage_captured(job_id: str) -> None:
    """Stage the captured edits of one contact and restore its originals."""
    staging.stage(int(job_id), crm=crm())


@shared_task
def put_back_contact(job_id: str) -> None:
    """Put back the values of one contact that capture had restored."""
    put_backs.put_back(int(job_id), crm=crm())


@shared_task
def prepare_put_back(plan_id: str) -> None:
    """Read the live values of a plan until this task's time is up."""
    planning.prepare(uuid.UUID(plan_id), crm=crm(), seconds=settings.SOFT_LIMIT / 2)


@shared_task
def decide_selection(selection_id: str) -> None:
    """Decide the fields of a selection until this task's time is up."""
    client = None
    if breakers.all_closed(breakers.SILENT_BREAKERS):
        with suppress(CrmError, WrongOrganization):
            client = verified_client()
    selections.work(uuid.UUID(selection_id), seconds=settings.SOFT_LIMIT / 2, crm=client)


@shared_task
def send(message_id: str) -> None:
    """Send this mail, then other due ones until this task's time is up."""
    sending.send_due(uuid.UUID(message_id), channel=mail_service.channel(), seconds=settings.SOFT_LIMIT / 5)


@_periodic(stalled_after=SHORT_TASK_SECONDS)
def tell() -> None:
    """Queue the mails that are due: new edits, reminders, operator alerts."""
    for step in (notification_rules.notify_new_edits, notification_rules.send_reminders, alerts.queue_alerts):
        with runner.isolated(step.__name__):
            step()


@_periodic(stalled_after=settings.HARD_LIMIT, is_due=changes.is_due)
def pull() -> None:
    """Read staged edits from the CRM and apply the rules to them, until this task's time is up."""
    permit = breakers.try_acquire(READ_BREAKERS)
    if permit is None:
        return
    with _with_breakers("pull", *REFUSED_READS):
        client = verified_client()
        pulled = changes.pull(client, seconds=settings.SOFT_LIMIT / 2)
        if pulled.busy:
            breakers.release(permit)
            return
        breakers.record_success(permit)
        live_values.retry_refused(client)
        rule_runs.run(seconds=settings.SOFT_LIMIT / 4)
        if pulled.records or pulled.shown:
            with runner.isolated("notifying of new edits"):
                notification_rules.notify_new_edits()  # edits that the rules have just decided are left out


@contextmanager
def _with_breakers(what: str, forbidden: str, refused: str) -> Iterator[None]:
    """Report the CRM's errors to their breaker (`forbidden` or `refused` if the CRM refuses), and log them."""
    try:
        yield
    except WrongOrganization:
        log.error("%s: the address leads to a CRM other than the one this database mirrors", what)
    except queue.LostLease:
        log.warning("%s: lease lost, stopped", what)
    except CrmError as error:
        breakers.record_failure(error, forbidden_breaker=forbidden, refused_breaker=refused)
        log.warning("%s: %s %s %s", what, type(error).__name__, error.status, error.request_id)


@_periodic(stalled_after=settings.HARD_LIMIT)
def numbers() -> None:
    """Update the daily counts of the numbers page and the capture page, every minute."""
    if daily.update_counts():
        captured.update()


@shared_task
def prepare_run(run_id: str) -> None:
    """List the users of a run until this task's time is up."""
    preparation.work(uuid.UUID(run_id), seconds=settings.SOFT_LIMIT / 2)


@shared_task
def switch_filters(run_id: str) -> None:
    """Switch users of a run until none is due or this task's time is up."""
    with _with_breakers("switching filters", *REFUSED_FILTERS):
        if runs.work(uuid.UUID(run_id), crm=verified_client(), seconds=settings.SOFT_LIMIT / 2):
            runs.undo_dispatch(uuid.UUID(run_id))


@shared_task
def count_meetings(run_id: str) -> None:
    """Count the meetings that a run may cancel; the run cannot start before they are counted."""
    with _with_breakers("counting meetings", *REFUSED_FILTERS):
        meetings.work(uuid.UUID(run_id), crm=verified_client(), seconds=settings.SOFT_LIMIT / 2)


@shared_task
def check_connection(pk: str) -> None:
    """Check the connection until this task's time is up, even with open breakers, because it shows their cause."""
    connection_checks.work(int(pk), crm=crm(), names=names(), seconds=settings.SOFT_LIMIT / 2)


@shared_task
def keep_policy(policy_id: str) -> None:
    """Compare a policy's group with the desired state, and repair what the policy allows."""
    policy_rounds.work(uuid.UUID(policy_id), crm=_client_for_comparison)


def _client_for_comparison() -> CrmClient:
    """Return the client. Raises CrmError, even for the wrong CRM, so that the policy uses stored filters instead."""
    try:
        return verified_client()
    except WrongOrganization as error:
        raise ProtocolError("The address leads to a CRM other than the one this database mirrors.") from error


@_periodic(stalled_after=settings.HARD_LIMIT)
def take_inventory() -> None:
    """Continue the inventory if it is due; while policies compare their groups, read new users every hour."""
    extent = schedule.due()
    permit = breakers.try_acquire(FILTER_BREAKERS) if extent else None
    if permit is None:
        return
    with _with_breakers("inventory", Breaker.Name.FORBIDDEN_FILTERS, Breaker.Name.REFUSED_INVENTORY):
        is_finished = inventory.take(
            verified_client(), seconds=settings.SOFT_LIMIT / 2, new_users_only=extent is Extent.NEW_USERS
        )
        if is_finished is None:
            breakers.release(permit)
        else:
            inventory.record_outcome(permit, is_finished=is_finished)
        if is_finished:
            policy_rounds.schedule_comparisons()
            content.add_example_list()


@_periodic(stalled_after=settings.HARD_LIMIT, is_due=rhythm.is_due)
def read_audit_log() -> None:
    """Read changes to contacts from the CRM's audit log until this task's time is up, if capture is on."""
    permit = breakers.try_acquire(AUDIT_BREAKERS)
    if permit is None:
        return
    with _with_breakers("audit log", *REFUSED_AUDITS):
        found = reading.read(verified_client(), names=names(), seconds=settings.SOFT_LIMIT / 2)
        if found.busy:
            breakers.release(permit)
        else:
            breakers.record_success(permit)


@_periodic(stalled_after=settings.HARD_LIMIT)
def nightly() -> None:
    """Request full reads, recount, and delete expired sessions and old rows, once a day."""
    for table in (changes.FIELDS, changes.RECORDS):
        with transaction.atomic():
            if _claim_for_today(f"nightly_{table}") and not cursors.request_full_read(table):
                transaction.set_rollback(True)  # the table is being read; the next round retries
    if not _claim_for_today("nightly"):
        return
    delivery.recount_all()
    cleanups: list[Callable[[], object]] = [
        notification_rules.delete_old,
        SessionStore.clear_expired,
        clocks.delete_old,
        usage.delete_old,
        meetings.delete_old,
        forecasts.delete_old,
        reading.delete_old,
    ]
    for clean_up in cleanups:
        with runner.isolated(clean_up.__qualname__):
            clean_up()


@transaction.atomic
def _claim_for_today(chore: str) -> bool:
    Heartbeat.objects.get_or_create(name=chore, defaults={"answered_at": Now()})
    due: Any = Heartbeat.objects.filter(name=chore, answered_at__lte=database_now(plus=-23.5 * 3600))
    return bool(due.update(answered_at=Now()))
