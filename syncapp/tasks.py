"""Celery's tasks: an id comes in, one operation is called. The rows decide, so every task may run twice or never.

Periodic tasks, pulses and mails have a queue of their own (portal/settings.py), so that no answer of the CRM to a write
holds them up.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from celery import current_app, shared_task
from celery.signals import task_prerun
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import Error as DatabaseTrouble
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from syncapp.activity import daily
from syncapp.connection.clients import WrongOrganization, crm, verified_client
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, ProtocolError
from syncapp.demo import content
from syncapp.health import clocks
from syncapp.jobs import breakers, deliveries, periodic, queue, runner
from syncapp.jobs.runner import JobType
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull as changes
from syncapp.mirror.filters import inventory
from syncapp.models import Breaker, Heartbeat, Message
from syncapp.models.jobs.job import database_now
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

log = logging.getLogger(__name__)

# Not WRONG_ORGANIZATION: asking which CRM it is reads nothing else, and is the only way to find the right one again.
# Not CRM_UNREACHABLE: writes without an answer close it too. One reading at a time is the best probe of it.
READ_BREAKERS = (Breaker.Name.FORBIDDEN_READ, Breaker.Name.CRM_CREDENTIALS, Breaker.Name.CRM_THROTTLED)
FILTER_BREAKERS = (Breaker.Name.FORBIDDEN_FILTERS, *breakers.CONNECTION_BREAKERS)
# More messages of due jobs are not published while the broker holds this many: their workers are busy or away.
MOST_WAITING = 400
# Seconds after which a round of a task that takes a moment is published anew; two at once do no harm.
QUICK = 10.0


@task_prerun.connect
def _note_clock(**_: Any) -> None:
    with suppress(DatabaseTrouble):  # the task itself says it
        clocks.measure(clocks.WORKER)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A periodic task, and the seconds after which a round that a worker started counts as dead."""

    task: Any
    stalled_after: float


periodic_tasks: dict[str, Periodic] = {}  # by the name that the rows have


def _periodic(*, stalled_after: float) -> Callable[[Callable[[], None]], Any]:
    """Make a task that beat publishes with the number of its round (jobs/periodic.py)."""

    def make(work: Callable[[], None]) -> Any:
        name = work.__name__

        @functools.wraps(work)
        def run(number: int | None = None) -> None:
            if number is None:  # published by hand, or by the beat of an earlier release
                work()
            elif periodic.start(name, number):
                try:
                    work()
                finally:
                    periodic.finish(name, number)

        task = shared_task(run)
        periodic_tasks[name] = Periodic(task, stalled_after)
        return task

    return make


def waiting_messages(queue_name: str) -> int | None:
    """Return how many messages wait in a queue of the broker; None where the broker is away."""
    with current_app.connection_or_acquire() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue_name).message_count)
        except (OSError, OperationalError, *connection.connection_errors):
            return None


@_periodic(stalled_after=QUICK)
def tick() -> None:
    """Every second: requeue what died, adopt what was forgotten, dispatch what is due. Safe with two schedulers."""
    for job_type in runner.job_types():
        queue.sweep(job_type.model)
    queue.failpoint("tick.swept")
    with runner.isolated("adopting decisions without a delivery"):
        deliveries.adopt_orphans()
    with runner.isolated("adopting runs without a count"):
        meetings.adopt_forgotten()
    _ask_for_a_pulse()
    # A slow mail service would otherwise hold every worker, and deliveries would wait for mails.
    _dispatch(MessageJob, send, most=queue.room_for(Message, most=settings.MAILS_AT_ONCE))
    if (waiting_messages(settings.CELERY_TASK_DEFAULT_QUEUE) or 0) >= MOST_WAITING:
        return
    _dispatch(DeliveryJob, deliver)
    _dispatch(SelectionJob, decide_selection)
    _dispatch(PolicyJob, keep_policy)
    _dispatch(PreparationJob, prepare_run)
    _dispatch(MeetingCountJob, count_meetings)
    _dispatch_filter_runs()


def _dispatch(job_type: type[JobType], task: Any, *, most: int = 200) -> None:
    """Publish some due jobs of a kind, unless an open breaker would only turn their workers away."""
    if most <= 0 or not breakers.allows_dispatch(job_type.breakers):
        return
    ids = queue.claim_for_dispatch(job_type.model, limit=most)
    queue.failpoint("tick.dispatched")
    with _undone_unless_published(lambda: queue.undo_dispatch(job_type.model, ids)):
        for pk in ids:
            task.delay(str(pk))


@contextmanager
def _undone_unless_published(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` where the broker is away, so that the next tick publishes the same jobs."""
    try:
        yield
    except (OSError, OperationalError):  # Celery passes on kombu's own error, which is no OSError
        undo()
        raise


def _dispatch_filter_runs() -> None:
    """Publish some workers for each run with users to switch: the rows decide who gets which."""
    if not breakers.allows_dispatch(runs.BREAKERS):
        return
    switching = runs.claim_for_dispatch()
    with _undone_unless_published(lambda: runs.undo_dispatch(*switching)):
        for run_id in switching:
            for _ in range(CONCURRENT_TASKS):
                switch_filters.delay(str(run_id))


def _ask_for_a_pulse() -> None:
    Heartbeat.objects.get_or_create(name="worker")
    due = Heartbeat.objects.filter(Q(asked_at__isnull=True) | Q(asked_at__lte=database_now(plus=-10)), name="worker")
    if due.update(asked_at=Now()):
        pulse.delay()


@shared_task
def pulse() -> None:
    """The canary's answer: this worker takes work from the broker and reaches the database."""
    Heartbeat.objects.filter(name="worker").update(answered_at=Now())


@shared_task
def deliver(delivery_id: str) -> None:
    """Bring one contact's due decisions to the CRM."""
    delivery.deliver(uuid.UUID(delivery_id), crm=crm())


@shared_task
def decide_selection(selection_id: str) -> None:
    """Decide what somebody wants decided together, as far as this task's time goes."""
    selections.work(uuid.UUID(selection_id), seconds=settings.SOFT_LIMIT / 2, crm=_crm_that_answers())


def _crm_that_answers() -> CrmClient | None:
    """Return the client; None where the CRM is known not to answer or does not, or is another one."""
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return None
    try:
        return verified_client()
    except (CrmError, WrongOrganization):
        return None


@shared_task
def send(message_id: str) -> None:
    """Hand this mail to the mail service, then what else is due, as far as this task's time goes."""
    sending.send_due(uuid.UUID(message_id), channel=mail_service.channel(), seconds=settings.SOFT_LIMIT / 5)


@_periodic(stalled_after=QUICK)
def tell() -> None:
    """Make the mails that are due: new edits by each reviewer's wish, reminders, troubles of the portal."""
    for step in (notification_rules.notify_new_edits, notification_rules.send_reminders, alerts.watch):
        with runner.isolated(step.__name__):
            step()


@_periodic(stalled_after=settings.HARD_LIMIT)
def pull() -> None:
    """Mirror what changed in the CRM, let the rules look at it; what does not fit into this task's time comes later."""
    permit = breakers.try_acquire(READ_BREAKERS)
    if permit is None:
        return
    try:
        pulled = changes.pull(verified_client(), seconds=settings.SOFT_LIMIT / 2)
        if pulled.busy:
            breakers.release(permit)
        else:
            breakers.record_success(permit)
            rule_runs.run(seconds=settings.SOFT_LIMIT / 4)
            if pulled.records or pulled.shown:
                with runner.isolated("telling of new edits"):
                    notification_rules.notify_new_edits()  # what the rules decided just now is no news
    except WrongOrganization:
        log.error("pull: the address leads to another CRM than the one this database mirrors")
    except queue.LostLease:
        log.warning("pull: lease lost, stopped")
    except CrmError as error:
        breakers.record_failure(error, forbidden_breaker=Breaker.Name.FORBIDDEN_READ)
        log.warning("pull: %s %s %s", type(error).__name__, error.status, error.request_id)


@_periodic(stalled_after=settings.HARD_LIMIT)
def numbers() -> None:
    """Every minute: count the last days for the numbers page, and all of them after the CRM was read anew."""
    daily.keep()


@shared_task
def prepare_run(run_id: str) -> None:
    """Make a run's list, as far as this task's time goes."""
    preparation.work(uuid.UUID(run_id), seconds=settings.SOFT_LIMIT / 2)


@shared_task
def switch_filters(run_id: str) -> None:
    """Switch some users of a run, as far as this task's time goes."""
    with _crm_errors_open_breakers("switching filters"):
        if runs.work(uuid.UUID(run_id), crm=verified_client(), seconds=settings.SOFT_LIMIT / 2):
            runs.undo_dispatch(uuid.UUID(run_id))


@shared_task
def count_meetings(run_id: str) -> None:
    """Count which meetings a frozen list may cancel, before anybody can start it."""
    with _crm_errors_open_breakers("counting meetings"):
        meetings.work(uuid.UUID(run_id), crm=verified_client(), seconds=settings.SOFT_LIMIT / 2)


@contextmanager
def _crm_errors_open_breakers(what: str) -> Iterator[None]:
    """Handle errors of asking which CRM it is; what goes wrong with a job is in its row."""
    try:
        yield
    except CrmError as error:
        breakers.record_failure(error, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        log.warning("%s: %s %s %s", what, type(error).__name__, error.status, error.request_id)


@shared_task
def keep_policy(policy_id: str) -> None:
    """Compare a policy's group with what is wanted, and repair what it may."""
    policy_rounds.work(uuid.UUID(policy_id), crm=_crm_to_compare_by)


def _crm_to_compare_by() -> CrmClient:
    """Return the client. Raises CrmError, also where the address leads to another CRM; then old readings count."""
    try:
        return verified_client()
    except WrongOrganization as error:
        raise ProtocolError("The address leads to another CRM than the one this database mirrors.") from error


@_periodic(stalled_after=settings.HARD_LIMIT)
def take_inventory() -> None:
    """Go on reading who synchronizes what, where it is time for that."""
    permit = breakers.try_acquire(FILTER_BREAKERS) if inventory.is_due(every=settings.INVENTORY_SECONDS) else None
    if permit is None:
        return
    try:
        is_finished = inventory.take(verified_client(), seconds=settings.SOFT_LIMIT / 2)
        if is_finished is None:
            breakers.release(permit)
        else:
            breakers.record_success(permit)
        if is_finished:
            policy_rounds.begin_rounds()
            content.bring_example_list()
    except WrongOrganization:
        log.error("inventory: the address leads to another CRM than the one this database mirrors")
    except queue.LostLease:
        log.warning("inventory: lease lost, stopped")
    except CrmError as error:
        breakers.record_failure(error, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        log.warning("inventory: %s %s %s", type(error).__name__, error.status, error.request_id)


@_periodic(stalled_after=settings.HARD_LIMIT)
def nightly() -> None:
    """Once a day: read everything again, count everything again, forget sessions that are over."""
    for table in (changes.FIELDS, changes.RECORDS):
        _read_again(table)
    if not _first_today("nightly"):
        return
    delivery.recount_all()
    forgetting: list[Callable[[], object]] = [
        notification_rules.delete_old,
        SessionStore.clear_expired,
        clocks.delete_old,
    ]
    for forget in [*forgetting, meetings.forget_old, forecasts.forget_old]:
        with runner.isolated(forget.__qualname__):
            forget()


@transaction.atomic
def _read_again(table: str) -> None:
    """Ask for a table's nightly reading; while somebody reads it, it stays due and is asked for ten minutes later."""
    if _first_today(f"nightly_{table}") and not cursors.request_full_read(table):
        transaction.set_rollback(True)


@transaction.atomic
def _first_today(chore: str) -> bool:
    Heartbeat.objects.get_or_create(name=chore, defaults={"answered_at": Now()})
    due: Any = Heartbeat.objects.filter(name=chore, answered_at__lte=database_now(plus=-23.5 * 3600))
    return bool(due.update(answered_at=Now()))
