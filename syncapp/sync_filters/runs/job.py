"""The job that switches filters: a batch of a run's users at a time, each user with a lease and fencing token.

    claim k ─▶ precheck, where needed ─▶ mark sent ─▶ one request ─▶ apply each user's result as read back

With the portal's own permission, ten users share a request, each with a change set. As the owners, each user has a
request, because impersonation is per request; a few requests are sent in parallel. Every write carries the version that
the row had when the list was made, so a user whose filters have changed since is skipped, and a request whose answer
was lost can take effect only once.
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
from syncapp.sync_filters.runs import filter_operation, item_results, method_operation, transitions
from syncapp.sync_filters.runs.batches import Batch, ItemResult, LeasedItem, Operation
from syncapp.sync_filters.runs.concurrency import BATCH_SIZE

REFUSED_BREAKER = Breaker.Name.REFUSED_FILTERS
BREAKERS = (*WRITE_BREAKERS, Breaker.Name.FORBIDDEN_FILTERS, REFUSED_BREAKER)
_OPERATIONS: dict[str, Operation] = {RunOperation.FILTERS: filter_operation, RunOperation.METHOD: method_operation}


def work(run_id: uuid.UUID, *, crm: CrmClient, seconds: float) -> bool:
    """Switch users until none is due or the time is up; return whether any may be due.

    Safe to call from several workers, twice, and after a crash at any point. Errors are stored with the items.
    """
    until = time.monotonic() + seconds
    job = FilterSwitchJob(run_id, crm)
    while time.monotonic() < until:
        if not runner.run_batch(job, FilterRunItem.objects.filter(run=run_id).order_by("position")):
            return False
    return True


@runner.register
class FilterSwitchJob(BatchJobType):
    """The job that switches one run's users in batches; a failure marks a user's item as failed."""

    name = "filters"
    title = "Switching filters"
    failures_at = "the run’s page"
    needs_writes = "filter_writes"
    model = FilterRunItem
    breakers = BREAKERS
    # A run of 20,000 users takes 20 minutes, and all of them are due from its start.
    overdue_after = 3600.0
    batch_size = BATCH_SIZE

    def __init__(self, run_id: uuid.UUID, crm: CrmClient) -> None:
        self._run_id = run_id
        self._crm = crm

    def is_enabled(self) -> bool:
        """Return whether switching filters is enabled."""
        return self._crm.filters_may_be_switched()

    def process_batch(self, leases: Sequence[Lease], permit: Permit) -> None:
        """Check and switch the users, and apply the results; a user's own error affects that user alone.

        Raises Rejected if the CRM refuses a request that several users share, so that each is tried alone. A refusal
        of the operation itself stops the run until the CRM accepts it, and costs no attempt.
        """
        run, capabilities = FilterRun.objects.get(pk=self._run_id), access.capabilities()
        # Mailboxes are always set with the portal's own permission, never as a user.
        acting = (capabilities.writing or capabilities.reading) == Access.ACTING and not run.sets_mailbox_method
        by_pk = {lease.pk: lease for lease in leases}
        items = FilterRunItem.objects.filter(pk__in=by_pk).select_related("user").prefetch_related("changes")
        leased = [LeasedItem(by_pk[item.pk], item, tuple(item.changes.all())) for item in items.order_by("position")]
        deadline = Deadline.after(settings.HTTP_SECONDS)
        batch = Batch(run, self._crm, acting, capabilities.keeps_versions, deadline, leased)
        try:
            failed = self._switch(batch, _OPERATIONS[batch.run.operation])
            if batch.denial is not None:
                breakers.record_refusal(REFUSED_BREAKER, batch.denial)
            elif not batch.items or len(failed) < len(batch.items):
                breakers.record_success(permit)
            elif all(isinstance(error, Forbidden) for _, error in failed) and self._finds_other_access(batch):
                self._retry_forbidden(failed)
                failed = []
            for each, error in failed:
                self._handle_request_error(replace(batch, items=[each]), error)
        except CrmError as error:
            if isinstance(error, Rejected) and len(batch.items) > 1 and not error.refuses_operation:
                raise
            if isinstance(error, Forbidden) and not batch.acting and self._finds_other_access(batch):
                self._retry_forbidden([(each, error) for each in batch.items])
            else:
                self._handle_request_error(batch, error)
        transitions.update_state(batch.run)

    def _switch(self, batch: Batch, operation: Operation) -> list[tuple[LeasedItem, CrmError]]:
        """Switch these users; return those whose own request failed as a whole.

        Raises CrmError if the request that they share failed as a whole.
        """
        _apply_and_remove(batch, operation.precheck(batch))
        if batch.run.state == RunState.CANCELLED:
            _apply_and_remove(batch, [(each, ItemResult(Outcome.CANCELLED)) for each in batch.items])
            return []
        if batch.run.state == RunState.PAUSED:
            for each in batch.items:
                unknown = each.lease.outcome_unknown
                queue.reschedule(each.lease, due_in=0, outcome_unknown=unknown, costs_attempt=False)
            return []
        held = queue.mark_all_sent([each.lease for each in batch.items])
        batch.remove([each for each in batch.items if each.lease not in held])
        if not batch.items:
            return []
        queue.failpoint("filters.sent")
        results = operation.apply(batch)
        queue.failpoint("filters.answered")
        failed = self._apply_answer(batch, results)
        queue.failpoint("filters.settled")
        return failed

    def _apply_answer(self, batch: Batch, results: Sequence[ItemResult]) -> list[tuple[LeasedItem, CrmError]]:
        """Apply the results or reschedule the users; return those whose own request failed as a whole."""
        answered = list(zip(batch.items, results, strict=True))
        all_denied = all(result.outcome == Outcome.DENIED for result in results)
        try_again = all_denied and self._finds_other_access(batch)
        if all_denied and not try_again and _would_deny_any_user(batch):
            batch.denial = results[0].denial
        with transaction.atomic():
            for each, result in answered:
                if result.error is not None and not result.request_failed:
                    runner.apply(self, each.lease, _retry(each, result.error))
                elif try_again:
                    runner.apply(self, each.lease, Retry("Forbidden", result.why, after=0))
            if not try_again:
                item_results.apply_results([(each, result) for each, result in answered if result.error is None])
        if any(result.outcome in WRITTEN for result in results):
            access.confirm_writing_works()
        if any(result.wrong_author for result in results):
            access.reset_writing()
            transitions.pause_automatically(batch.run, because="impersonation")
        return [(each, result.error) for each, result in answered if result.error and result.request_failed]

    def _retry_forbidden(self, failed: Sequence[tuple[LeasedItem, CrmError]]) -> None:
        """Reschedule users whose request was forbidden, because another kind of access works now."""
        for each, error in failed:
            runner.apply(self, each.lease, Retry("Forbidden", f"The CRM forbids it: {error.message}", after=0))

    def _finds_other_access(self, batch: Batch) -> bool:
        """Return whether another kind of access works after the known one was refused for a whole batch."""
        if batch.run.sets_mailbox_method:
            return False
        try:
            return access.find_other_access(self._crm, refused=Access.ACTING if batch.acting else Access.DIRECT)
        except CrmError:
            return False  # writing access was reset, so the next inventory probes again

    def _handle_request_error(self, batch: Batch, error: CrmError) -> None:
        """Apply the failure of a whole request to each user of the batch."""
        if batch.acting and isinstance(error, Forbidden):
            results = []
            for each in batch.items:
                user, result = each.item.user, ItemResult(Outcome.DENIED, f"The CRM forbids it: {error.message}")
                # The user may have been disabled or may have lost their roles; otherwise the portal lacks the
                # permission.
                inventory.refresh_directory(batch.crm, [user.pk])
                user.refresh_from_db()
                if user.is_disabled:
                    result = ItemResult(Outcome.DISABLED, "The user is disabled.")
                elif not user.has_roles:
                    result = ItemResult(Outcome.NO_ROLE, "The user has no role in the CRM.")
                results.append((each, result))
            item_results.apply_results(results)
            return
        if not batch.items:
            return
        first = batch.items[0].lease
        if error.refuses_operation:
            for each in batch.items:
                runner.apply(self, each.lease, runner.stop_operation(error, each.lease, breaker=REFUSED_BREAKER))
            return
        decision = runner.retry_crm_error(error, first, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        for each in batch.items:
            if isinstance(decision, Failure):
                runner.apply(self, each.lease, Failure(decision.code, f"The CRM refused it: {decision.reason}"))
            else:
                retry = replace(_retry(each, error), costs_attempt=decision.costs_attempt)
                runner.apply(self, each.lease, retry)

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Mark the user's item as failed, with the reason."""
        item = FilterRunItem.objects.select_related("user").prefetch_related("changes").get(pk=lease.pk)
        why = failure.reason
        if item.outcome_unknown:
            why += " It may have been written; read the user again to find out."
        result = ItemResult(Outcome.FAILED, why)
        item_results.apply_results([(LeasedItem(lease, item, tuple(item.changes.all())), result)])
        FilterRunItem.objects.filter(pk=lease.pk).update(state=JobState.FAILED, last_error=failure.code)
        transitions.update_state(item.run)


def _would_deny_any_user(batch: Batch) -> bool:
    """Return whether the CRM would refuse the write for any user, since it refused it for all users of this batch."""
    if batch.run.sets_mailbox_method:
        return len(batch.items) > 1
    return access.capabilities().writing == Access.NONE


def _retry(leased: LeasedItem, error: CrmError) -> Retry:
    """Return the retry for one user; its message states the number of attempts."""
    return Retry(
        type(error).__name__,
        f"The CRM did not answer {leased.lease.attempts} times.",
        after=error.retry_after,
        outcome_unknown=error.may_have_applied or leased.lease.outcome_unknown,
    )


def _apply_and_remove(batch: Batch, results: Sequence[tuple[LeasedItem, ItemResult]]) -> None:
    item_results.apply_results(results)
    batch.remove([each for each, _ in results])


def claim_for_dispatch() -> list[uuid.UUID]:
    """Claim the runs for which to publish tasks now, each at most once per REDISPATCH_AFTER; return their ids."""
    undispatched = Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=database_now(plus=-queue.REDISPATCH_AFTER))
    due = FilterRunItem.objects.all().due().order_by().values("run")
    ids = FilterRun.objects.filter(undispatched, pk__in=due).order_by("pk").values_list("pk", flat=True)[:50]
    return [pk for pk in list(ids) if FilterRun.objects.filter(undispatched, pk=pk).update(dispatched_at=Now())]


def undo_dispatch(*run_ids: uuid.UUID) -> None:
    """Let the next tick publish tasks again, because publishing failed or a task ran out of time with users left."""
    for run_id in run_ids:
        FilterRun.objects.filter(pk=run_id).update(dispatched_at=None)
