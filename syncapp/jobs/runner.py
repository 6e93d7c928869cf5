"""The job runner: the loop that every job type goes through.

    breaker ─▶ claim ─▶ process ─▶ finished, rescheduled or failed, as stored in the row

A job type says how to process one lease, how long to back off, and what "failed" means. An unexpected exception counts
as an attempt: it is logged with its traceback, the job backs off, and fails when its attempts are used up. The other
jobs continue.
"""

from __future__ import annotations

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from syncapp import log_context
from syncapp.crm.errors import CrmError, Forbidden, ProtocolError, WritesDisabled
from syncapp.jobs import breakers, queue
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import PROCESS_ENDED, Lease, LostLease
from syncapp.models.jobs.job import Job, JobQuerySet, JobState
from syncapp.models.locking import is_conflict, retried

log = logging.getLogger(__name__)

CONFLICT_PAUSE = 2.0  # seconds
UNEXPECTED = "unexpected: "  # prefix of `last_error` after an unexpected exception


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry of the job after `after` seconds, or after the backoff of its job type if `after` is None.

    `reason` is shown to people if this was the last attempt.
    """

    code: str
    reason: str
    after: float | None = None
    costs_attempt: bool = True
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A final failure of the job. `code` is short and holds no personal data; `reason` is shown to people."""

    code: str
    reason: str

    @property
    def is_unexpected(self) -> bool:
        """Return whether the portal itself is at fault; operators are alerted to such failures."""
        return self.code == PROCESS_ENDED or self.code.startswith(UNEXPECTED)


class OperationRefused(Exception):
    """The CRM refuses the operation of a job type for every job: the job waits, and loses no attempt."""

    def __init__(self, error: CrmError) -> None:
        super().__init__(str(error))
        self.error = error


class JobType(ABC):
    """The rules of one kind of job.

    `title` names its jobs on the banner, `failures_at` the page that lists failed ones and offers a retry.
    `overdue_after` is how many seconds its oldest due job may wait. `needs_writes` names the column of Connection
    that enables its writes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    failures_at: ClassVar[str]
    model: ClassVar[type[Job]]
    breakers: ClassVar[Sequence[str]] = ()
    overdue_after: ClassVar[float] = 300.0
    needs_writes: ClassVar[str] = ""

    @abstractmethod
    def process(self, lease: Lease, permit: Permit) -> None:
        """Do the work of one lease and close or reschedule its row. May raise any error."""

    def is_enabled(self) -> bool:
        """Return whether jobs of this type may be processed now."""
        return True

    def claim(self, pk: Any) -> Lease | None:
        """Lease the job. Override it to do more in the same transaction."""
        return queue.claim(self.model, pk)

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Return what to do about an error that this job type expects; None for any other error."""
        return None

    def backoff(self, attempts: int) -> float:
        """Return the seconds to back off after this many attempts: full jitter under a cap that doubles."""
        return random.uniform(0.5, max(1.0, queue.backoff_seconds(attempts + 1)))  # noqa: S311  (spreads load, not for security)

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Close the job as failed. Override it to store the reason where people see it. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)

    @classmethod
    def failed_unexpectedly(cls) -> JobQuerySet:
        """Return the jobs that failed through a fault in the portal and are waiting for a retry."""
        failed = cls.model.objects.filter(state=JobState.FAILED)
        return failed.filter(last_error__startswith=UNEXPECTED) | failed.filter(last_error=PROCESS_ENDED)


class BatchJobType(JobType):
    """A kind of job whose jobs share requests: several leases are processed together."""

    batch_size: ClassVar[int] = 10

    @abstractmethod
    def process_batch(self, leases: Sequence[Lease], permit: Permit) -> None:
        """Do the work of these leases and close or reschedule their rows. May raise any error."""

    def process(self, lease: Lease, permit: Permit) -> None:
        """Process one lease alone."""
        self.process_batch([lease], permit)


def run(job: JobType, pk: Any) -> bool:
    """Process one due job; return False if its type is disabled, a breaker is open or there was nothing to claim.

    Safe to call twice, concurrently, and after a crash at any step. Errors are stored in the row, not raised.
    """
    if not (job.is_enabled() and job.model.objects.filter(pk=pk).due().exists()):
        return False
    permit = breakers.try_acquire(job.breakers)
    if permit is None:
        return False
    try:
        lease = retried(job.claim)(pk)
    except OperationalError as error:
        breakers.release(permit)
        if not is_conflict(error):
            raise
        queue.undo_dispatch(job.model, [pk])  # the next tick retries
        return False
    if lease is None:
        breakers.release(permit)
        return False
    queue.failpoint(f"{job.name}.claimed")
    _process(job, lease, permit)
    return True


def run_batch(job: BatchJobType, rows: JobQuerySet) -> bool:
    """Process the first due jobs of `rows` together; return False as `run` does.

    After an unexpected exception each job is processed alone, so that only the one at fault fails and the others spend
    no attempt.
    """
    if not (job.is_enabled() and rows.due().exists()):
        return False
    permit = breakers.try_acquire(job.breakers)
    if permit is None:
        return False
    leases = queue.claim_batch(rows, limit=job.batch_size)
    if not leases:
        breakers.release(permit)
        return False
    queue.failpoint(f"{job.name}.claimed")
    usable = [lease for lease in leases if not _fail_if_exhausted(job, lease)]
    if len(usable) == 1:
        _process(job, usable[0], permit)
    elif usable:
        _process_together(job, usable, permit)
    return True


def _process_together(job: BatchJobType, leases: Sequence[Lease], permit: Permit) -> None:
    with log_context.bound(job=",".join(f"{job.name}:{lease.pk}" for lease in leases)):
        try:
            job.process_batch(leases, permit)
            return
        except LostLease:
            _log_lost_lease(job, leases[0])
            return
        except Exception as error:
            text = "%s: %d jobs processed one by one after an unexpected error"
            log.error(text, job.name, len(leases), exc_info=error)
    for lease in leases:
        try:
            unknown = _may_have_been_sent(lease)
            queue.reschedule(lease, due_in=0, outcome_unknown=unknown, costs_attempt=False)
        except LostLease:  # the job was closed before the exception
            continue
        single = queue.claim(lease.model, lease.pk)
        if single is not None:
            _process(job, single, permit)


def _process(job: JobType, lease: Lease, permit: Permit) -> None:
    if _fail_if_exhausted(job, lease):
        return
    queue.failpoint(f"{job.name}.{lease.pk}")
    with log_context.bound(job=f"{job.name}:{lease.pk}"):
        try:
            job.process(lease, permit)
        except LostLease:
            _log_lost_lease(job, lease)
        except Exception as error:  # noqa: BLE001  (no error may stop the other jobs)
            apply_error(job, lease, error)


def _fail_if_exhausted(job: JobType, lease: Lease) -> bool:
    """Fail a job whose process died at each attempt; return whether it was failed."""
    if lease.attempts <= settings.ATTEMPTS:
        return False
    _fail(job, lease, Failure(PROCESS_ENDED, f"The work was interrupted {settings.ATTEMPTS} times."))
    return True


def apply_error(job: JobType, lease: Lease, error: Exception) -> None:
    """Reschedule the job or fail it, as its type decides; an unexpected error counts as an attempt."""
    if is_conflict(error):
        log.warning("%s %s: another transaction got in the way", lease.model.__name__, lease.pk)
        after = random.uniform(0.5, CONFLICT_PAUSE)  # noqa: S311  (spreads load, not for security)
        reason, unknown = "Other processes kept writing the same rows.", _may_have_been_sent(lease)
        apply(job, lease, Retry("conflict", reason, after=after, costs_attempt=False, outcome_unknown=unknown))
    elif outcome := job.handle_error(error, lease):
        apply(job, lease, outcome)
    else:
        log.error("%s %s: unexpected error", job.name, lease.pk, exc_info=error)
        name, unknown = type(error).__name__, _may_have_been_sent(lease)
        reason = f"An unexpected error stopped it ({name}). The portal’s log has the details."
        apply(job, lease, Retry(f"{UNEXPECTED}{name}", reason, outcome_unknown=unknown))


def apply(job: JobType, lease: Lease, outcome: Retry | Failure) -> None:
    """Reschedule the job, or fail it if this was its last attempt."""
    if isinstance(outcome, Failure):
        _fail(job, lease, outcome)
    elif outcome.costs_attempt and lease.attempts >= settings.ATTEMPTS:
        _fail(job, lease, Failure(outcome.code, outcome.reason))
    else:
        try:
            retried(queue.reschedule)(
                lease,
                due_in=job.backoff(lease.attempts) if outcome.after is None else outcome.after,
                error=outcome.code,
                outcome_unknown=outcome.outcome_unknown,
                costs_attempt=outcome.costs_attempt,
            )
        except LostLease:
            _log_lost_lease(job, lease)


def _may_have_been_sent(lease: Lease) -> bool:
    return bool(lease.row().values_list("outcome_unknown", flat=True).first())


def _fail(job: JobType, lease: Lease, failure: Failure) -> None:
    log.warning("%s %s: failed after %d attempts (%s)", job.name, lease.pk, lease.attempts, failure.code)
    try:
        try:
            with transaction.atomic():
                job.fail(lease, failure)
        except LostLease:
            raise
        except Exception as error:
            log.error("%s %s: the reason could not be stored", job.name, lease.pk, exc_info=error)
            queue.mark_failed(lease, error=failure.code)
    except LostLease:
        _log_lost_lease(job, lease)


def _log_lost_lease(job: JobType, lease: Lease) -> None:
    log.warning("%s %s: lease lost, stopped", job.name, lease.pk)


def retry_crm_error(error: CrmError, lease: Lease, *, forbidden_breaker: str) -> Retry | Failure:
    """Open the breaker that an error of the CRM calls for, and return what to do with the job.

    A connection failure costs no attempt once crm_unreachable is open; an error that a retry cannot fix fails the job.
    """
    name = type(error).__name__
    log.warning("%s %s: %s %s %s", lease.model.__name__, lease.pk, name, error.status, error.request_id)
    connection_failed = breakers.record_failure(error, forbidden_breaker=forbidden_breaker)
    spares_attempt = connection_failed or isinstance(error, WritesDisabled)
    if not (spares_attempt or error.is_transient or isinstance(error, ProtocolError)):
        return Failure(name, error.message)
    return Retry(
        name,
        f"The CRM did not answer {lease.attempts} times.",
        after=error.retry_after,
        costs_attempt=not spares_attempt,
        outcome_unknown=error.may_have_applied or lease.outcome_unknown,
    )


def stop_operation(error: CrmError, lease: Lease, *, breaker: str) -> Retry:
    """Open the breaker of an operation that the CRM refuses, and return a retry that costs no attempt."""
    log.warning("%s %s: refused, %s %s", lease.model.__name__, lease.pk, error.status, error.request_id)
    breakers.record_refusal(breaker, error)
    reason = f"The CRM refuses it: {error.message}"
    unknown = error.may_have_applied or lease.outcome_unknown
    return Retry("refused", reason, costs_attempt=False, outcome_unknown=unknown)


@contextmanager
def reading() -> Iterator[None]:
    """Raise OperationRefused for a refused read: it contains no values of a job, so every job would be refused.

    Forbidden is passed on.
    """
    try:
        yield
    except Forbidden:
        raise  # it has its own breaker
    except CrmError as error:
        if error.is_refusal:
            raise OperationRefused(error) from error
        raise


@contextmanager
def isolated(what: str) -> Iterator[None]:
    """Log an unexpected exception with its traceback and undo its writes, so that the next steps still run.

    It serves steps outside jobs. Errors of the database itself, such as a lost connection or a deadlock, are raised.
    """
    try:
        with transaction.atomic():
            yield
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        log.error("%s: unexpected error", what, exc_info=error)


_job_types: list[type[JobType]] = []


def register(job_type: type[JobType]) -> type[JobType]:
    """Register a job type with the sweep, the health checks and the alerts; use it as a decorator."""
    _job_types.append(job_type)
    return job_type


def job_types() -> Sequence[type[JobType]]:
    """Return every registered job type."""
    return tuple(_job_types)
