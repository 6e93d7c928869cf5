"""The place where filters are switched: some users of a run at a time, each under his own lease and fence.

    claim k ─▶ look, where that is needed ─▶ mark sent ─▶ one request ─▶ settle each by what it read back

By our own right ten users share a request, each with a change set of his own; in their names each has his own, because
impersonation is per request, and a few are under way at once. A row is written under the version that the list was
frozen with, so a user whose filters changed since is left alone, and a request whose answer was lost can take effect
once only.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden, Rejected
from syncapp.crm.transport import Deadline
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import WRITE_BREAKERS, Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import BatchJobType, Failure, Retry
from syncapp.mirror.filters import access, inventory
from syncapp.models import Breaker, FilterRun, FilterRunItem
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import WRITTEN, Outcome, RunOperation, RunState
from syncapp.sync_filters.runs import apply, filter_operation, method_operation, transitions
from syncapp.sync_filters.runs.batches import Held, Operation, Round, Verdict
from syncapp.sync_filters.runs.concurrency import BATCH_SIZE

BREAKERS = (*WRITE_BREAKERS, Breaker.Name.FORBIDDEN_FILTERS)
_OPERATIONS: dict[str, Operation] = {RunOperation.FILTERS: filter_operation, RunOperation.METHOD: method_operation}


def work(run_id: uuid.UUID, *, crm: CrmClient, seconds: float) -> bool:
    """Switch users until none is due or the time is up; True where some may be left.

    Safe to call from many workers at once, twice, and after a crash at any step. What went wrong is in the rows.
    """
    until = time.monotonic() + seconds
    job = FilterSwitchJob(run_id, crm)
    while time.monotonic() < until:
        if not runner.run_batch(job, FilterRunItem.objects.filter(run=run_id).order_by("position")):
            return False
    return True


@runner.register
class FilterSwitchJob(BatchJobType):
    """Switch some users of one run; a failure ends that user's part as failed, to be tried again in a new list."""

    name = "filters"
    title = "Switching filters"
    failures_at = "the page of the run"
    needs_writes = "filter_writes"
    model = FilterRunItem
    breakers = BREAKERS
    # A run of 20,000 users lasts 20 minutes, and all of them are due from its start.
    overdue_after = 3600.0
    batch_size = BATCH_SIZE

    def __init__(self, run_id: uuid.UUID, crm: CrmClient) -> None:
        self._run_id = run_id
        self._crm = crm

    def is_enabled(self) -> bool:
        """Return whether switching filters is enabled."""
        return self._crm.filters_may_be_switched()

    def process_batch(self, leases: Sequence[Lease], permit: Permit) -> None:
        """Look, send and settle; each user's own error is applied to that user alone.

        Raises Rejected where the CRM refuses a request that several users share, so that each is tried alone.
        """
        work = self._round(leases)
        try:
            failed = self._move(work, _OPERATIONS[work.run.operation])
            if not work.held or len(failed) < len(work.held):
                breakers.record_success(permit)
            elif all(isinstance(error, Forbidden) for _, error in failed) and self._finds_other_way(work):
                failed = self._try_again(failed)
            for each, error in failed:
                self._after_error(replace(work, held=[each]), error)
        except CrmError as error:
            if isinstance(error, Rejected) and len(work.held) > 1:
                raise
            if isinstance(error, Forbidden) and not work.acting and self._finds_other_way(work):
                self._try_again([(each, error) for each in work.held])
            else:
                self._after_error(work, error)
        transitions.settle_state(work.run)

    def _round(self, leases: Sequence[Lease]) -> Round:
        run, ground = FilterRun.objects.get(pk=self._run_id), access.ground()
        # Mailboxes are always set with the portal's own permission, never in a user's name.
        acting = (ground.writing or ground.reading) == Access.ACTING and not run.moves_mailboxes
        by_pk = {lease.pk: lease for lease in leases}
        items = FilterRunItem.objects.filter(pk__in=by_pk).select_related("user").prefetch_related("changes")
        held = [Held(by_pk[item.pk], item, tuple(item.changes.all())) for item in items.order_by("position")]
        return Round(run, self._crm, acting, ground.keeps_versions, Deadline.after(settings.HTTP_SECONDS), held)

    def _move(self, work: Round, operation: Operation) -> list[tuple[Held, CrmError]]:
        """Move these users; return those whose own request failed as a whole.

        Raises CrmError where the request that they share failed as a whole.
        """
        _settle(work, operation.look(work))
        if work.run.state == RunState.CANCELLED:
            _settle(work, [(each, Verdict(Outcome.CANCELLED)) for each in work.held])
            return []
        if work.run.state == RunState.PAUSED:
            for each in work.held:
                unknown = each.lease.outcome_unknown
                queue.reschedule(each.lease, due_in=0, outcome_unknown=unknown, costs_attempt=False)
            return []
        _mark_sent(work)
        if not work.held:
            return []
        queue.failpoint("filters.sent")
        verdicts = operation.send(work)
        queue.failpoint("filters.answered")
        failed = self._take(work, verdicts)
        queue.failpoint("filters.settled")
        return failed

    def _take(self, work: Round, verdicts: Sequence[Verdict]) -> list[tuple[Held, CrmError]]:
        answered = list(zip(work.held, verdicts, strict=True))
        tries_again = all(each.outcome == Outcome.DENIED for each in verdicts) and self._finds_other_way(work)
        with transaction.atomic():
            for each, verdict in answered:
                if verdict.error is not None and not verdict.request_failed:
                    runner.apply(self, each.lease, _retry(each, verdict.error))
                elif tries_again:
                    runner.apply(self, each.lease, Retry("Forbidden", verdict.why, after=0))
            ended = [] if tries_again else [(each, verdict) for each, verdict in answered if verdict.error is None]
            apply.settle(ended)
        if any(verdict.outcome in WRITTEN for verdict in verdicts):
            access.note_proof()
        if any(verdict.wrong_author for verdict in verdicts):
            access.distrust_writing()
            transitions.pause_quietly(work.run, because="impersonation")
        return [(each, v.error) for each, v in answered if v.error is not None and v.request_failed]

    def _try_again(self, failed: Sequence[tuple[Held, CrmError]]) -> list[tuple[Held, CrmError]]:
        """Reschedule users that a way of access refused because it no longer works; return none of them."""
        for each, error in failed:
            runner.apply(self, each.lease, Retry("Forbidden", f"The CRM forbids it: {error.message}", after=0))
        return []

    def _finds_other_way(self, work: Round) -> bool:
        """Return whether another way works where the known one refused everybody of a round."""
        if work.run.moves_mailboxes:
            return False
        try:
            return access.find_other_way(self._crm, refused=Access.ACTING if work.acting else Access.DIRECT)
        except CrmError:
            return False  # the way is no longer trusted: the next inventory probes again

    def _after_error(self, work: Round, error: CrmError) -> None:
        """Apply the failure of a whole request to every user of it; the breaker it calls for is opened once."""
        if work.acting and isinstance(error, Forbidden):
            apply.settle([(each, _refused(work, each, error)) for each in work.held])
            return
        if not work.held:
            return
        verdict = runner.retry_crm_error(error, work.held[0].lease, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        for each in work.held:
            if isinstance(verdict, Failure):
                runner.apply(self, each.lease, Failure(verdict.code, f"The CRM refused it: {verdict.reason}"))
            else:
                runner.apply(self, each.lease, replace(_retry(each, error), costs_attempt=verdict.costs_attempt))

    def fail(self, lease: Lease, failure: Failure) -> None:
        """End the user's part as failed, with the reason. Raises LostLease."""
        item = FilterRunItem.objects.select_related("user").prefetch_related("changes").get(pk=lease.pk)
        why = failure.reason
        if item.outcome_unknown:
            why += " Whether it was written is not known; reading the user again tells."
        apply.settle([(Held(lease, item, tuple(item.changes.all())), Verdict(Outcome.FAILED, why))])
        FilterRunItem.objects.filter(pk=lease.pk).update(state=JobState.FAILED, last_error=failure.code)
        transitions.settle_state(item.run)


def _retry(held: Held, error: CrmError) -> Retry:
    """Try one user again; how often is counted for each user alone."""
    return Retry(
        type(error).__name__,
        f"The CRM did not answer {held.lease.attempts} times.",
        after=error.retry_after,
        outcome_unknown=error.may_have_applied or held.lease.outcome_unknown,
    )


def _settle(work: Round, ended: Sequence[tuple[Held, Verdict]]) -> None:
    apply.settle(ended)
    work.drop([each for each, _ in ended])


def _mark_sent(work: Round) -> None:
    """Skip users whose lease expired."""
    held = queue.mark_all_sent([each.lease for each in work.held])
    work.drop([each for each in work.held if each.lease not in held])


def _refused(work: Round, held: Held, error: Forbidden) -> Verdict:
    """Why nobody may act for this user: he was disabled or lost his roles, or we may not."""
    inventory.refresh_directory(work.crm, [held.item.user_id])
    held.item.user.refresh_from_db()
    if held.item.user.is_disabled:
        return Verdict(Outcome.DISABLED, "The user is disabled.")
    if not held.item.user.has_roles:
        return Verdict(Outcome.NO_ROLE, "The user has no role in the CRM.")
    return Verdict(Outcome.DENIED, f"The CRM forbids it: {error.message}")


def claim_for_dispatch() -> list[uuid.UUID]:
    """Return runs to publish workers for now, each at most once in REDISPATCH_AFTER however many ticks run."""
    silent = Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=database_now(plus=-queue.REDISPATCH_AFTER))
    due = FilterRunItem.objects.all().due().order_by().values("run")
    ids = FilterRun.objects.filter(silent, pk__in=due).order_by("pk").values_list("pk", flat=True)[:50]
    return [pk for pk in list(ids) if FilterRun.objects.filter(silent, pk=pk).update(dispatched_at=Now())]


def undo_dispatch(*run_ids: uuid.UUID) -> None:
    """Let the next tick publish workers again: the task's time was up, not the work, or publishing failed."""
    for run_id in run_ids:
        FilterRun.objects.filter(pk=run_id).update(dispatched_at=None)
