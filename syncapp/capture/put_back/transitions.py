"""Transitions of a plan by people: start, stop, discard, retry. Each is guarded by the plan's state."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from syncapp import audit
from syncapp.capture.put_back.assessment import LeaveReason
from syncapp.capture.put_back.errors import NotPossible
from syncapp.models import Connection, Person, PutBackItem, PutBackJob, PutBackPlan
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.jobs.job import OPEN_STATES, JobState
from syncapp.models.locking import locked, retried

ANOTHER_PLAN_RUNS = "Another plan is running, or still ending. Wait until it has ended, then start this one."
PLAN_CHANGED = "The plan has changed. Reload the page."


def writes_are_enabled() -> bool:
    """Return whether this connection writes reviewed values."""
    return Connection.objects.filter(review_writes=True).exists()


@retried
def start(plan_id: UUID, *, by: Person) -> None:
    """Start a plan: create a job for each contact with open items. Raises NotPossible."""
    plan = _lock(plan_id, PutBackState.PLANNED)
    contacts = _contacts(plan, Q(result=PutBackResult.OPEN))
    if not contacts:
        raise NotPossible("There is nothing to put back. Discard the plan.")
    _start_jobs(plan, by=by, action="capture.put_back_started", contacts=contacts)


@retried
def retry(plan_id: UUID, *, by: Person) -> None:
    """Try the failed items again, and those that were not reached before the plan was stopped. Raises NotPossible."""
    plan = _lock(plan_id, PutBackState.DONE, PutBackState.STOPPED)
    wanted = Q(result=PutBackResult.FAILED) | Q(result=PutBackResult.LEFT, why=LeaveReason.STOPPED)
    contacts = _contacts(plan, wanted)
    if not contacts:
        raise NotPossible("There is nothing to retry.")
    if PutBackJob.objects.filter(plan=plan, state__in=OPEN_STATES).exists():
        raise NotPossible("The plan is still stopping. Wait a moment, then try again.")
    plan.items.filter(wanted).update(result=PutBackResult.OPEN, why="", trouble="")
    _start_jobs(plan, by=by, action="capture.put_back_retried", contacts=contacts)


@retried
def stop(plan_id: UUID, *, by: Person) -> None:
    """Stop the plan: contacts that no worker has begun are left alone. Raises NotPossible."""
    plan = _lock(plan_id, PutBackState.RUNNING)
    PutBackPlan.objects.filter(pk=plan.pk).update(state=PutBackState.STOPPED)
    audit.record("capture.put_back_stopped", by=by, channel="settings", group=plan.pk)


@retried
def discard(plan_id: UUID, *, by: Person) -> None:
    """Discard a plan that was not started. Raises NotPossible."""
    plan = _lock(plan_id, PutBackState.PREPARING, PutBackState.PLANNED)
    PutBackPlan.objects.filter(pk=plan.pk).update(state=PutBackState.DISCARDED, finished_at=Now())
    audit.record("capture.put_back_discarded", by=by, channel="settings", group=plan.pk)


def _lock(plan_id: UUID, *states: PutBackState) -> PutBackPlan:
    plan = locked(PutBackPlan.objects.filter(pk=plan_id)).first()
    if plan is None or plan.state not in states:
        raise NotPossible(PLAN_CHANGED)
    return plan


def _contacts(plan: PutBackPlan, wanted: Q) -> list[UUID]:
    return sorted(set(PutBackItem.objects.filter(wanted, plan=plan).values_list("contact_id", flat=True)))


def _start_jobs(plan: PutBackPlan, *, by: Person, action: str, contacts: Collection[UUID]) -> None:
    if not writes_are_enabled():
        raise NotPossible("This connection is read-only. Enable review writes under Settings, Connection first.")
    running = {"state": PutBackState.RUNNING, "started_at": Now(), "started_by": by, "finished_at": None}
    fresh = {"attempts": 0, "last_error": "", "finished_at": None, "dispatched_at": None, "due_at": Now()}
    # A job whose answer was lost reads before it writes, even after it has failed.
    verify = Case(When(outcome_unknown=True, then=Value(JobState.VERIFY)), default=Value(JobState.READY))
    try:
        with transaction.atomic():
            PutBackPlan.objects.filter(pk=plan.pk).update(**running)
            jobs = PutBackJob.objects.filter(plan=plan, contact_id__in=contacts)
            known = set(jobs.values_list("contact_id", flat=True))
            jobs.update(state=verify, **fresh)
            new = [PutBackJob(plan=plan, contact_id=each, due_at=Now()) for each in contacts if each not in known]
            PutBackJob.objects.bulk_create(new, batch_size=500)
    except IntegrityError as error:
        raise NotPossible(ANOTHER_PLAN_RUNS) from error
    audit.record(action, by=by, channel="settings", group=plan.pk, details={"contacts": len(contacts)})
