"""The delivery job: writes the due decisions of one contact to the CRM.

    claim ─▶ bind due decisions ─▶ read the CRM ─▶ assess ─▶ mark sent ─▶ one change set ─▶ apply results

Every round starts by reading, so a delivery whose answer was lost is verified by the same steps: a staging row that
carries our decision's id counts as written, whatever the contact holds now. Every part of a change set carries
`If-Match`, so a request that is still in flight when we read again can no longer take effect after our own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, NotFound, Rejected, Stale
from syncapp.crm.staging.records import STATE_COLUMNS, ChangeSet, ColumnType, DeliverySnapshot, LiveContact
from syncapp.crm.transport import Deadline
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import WRITE_BREAKERS, Permit
from syncapp.jobs.queue import Lease, failpoint
from syncapp.jobs.runner import Failure, JobType, OperationRefused, Retry
from syncapp.mirror import columns
from syncapp.mirror.edits import contact_columns
from syncapp.models import Breaker, Decision, Delivery, SyncField, SyncRecord
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import UNPROVEN_STATES, DecisionState
from syncapp.review.delivery import change_sets, conflicts, results
from syncapp.review.delivery.conflicts import Assessment, Finding, OwnDecisions, StoredValue

BREAKERS = (*WRITE_BREAKERS, Breaker.Name.FORBIDDEN_REVIEW, Breaker.Name.REFUSED_REVIEW)
STALE_ROUNDS = 3
STALE_PAUSE = 30.0
REFUSALS = (Rejected, NotFound)  # a retry does not help
_REFUSED = "The CRM refused it"


@dataclass(frozen=True, slots=True)
class _Work:
    """A leased delivery with everything its steps need."""

    lease: Lease
    delivery: Delivery
    crm: CrmClient
    deadline: Deadline


class _StillStale(Exception):
    """The CRM's rows changed STALE_ROUNDS times between reading and writing; nothing was written."""


def deliver(delivery_id: uuid.UUID, *, crm: CrmClient) -> bool:
    """Write the contact's due decisions to the CRM; return False if the delivery could not be claimed.

    Safe to call twice, concurrently, and after a crash at any step. Errors are stored in the rows, never raised.
    """
    return runner.run(DeliveryJob(crm), delivery_id)


@runner.register
class DeliveryJob(JobType):
    """The job that writes one contact's decisions; after a failure, each is shown as not written, with Retry."""

    name = "delivery"
    title = "Writing decisions to the CRM"
    failures_at = "Review, Needs attention"
    needs_writes = "review_writes"
    model = Delivery
    breakers = BREAKERS
    overdue_after = 180.0

    def __init__(self, crm: CrmClient) -> None:
        self._crm = crm

    def is_enabled(self) -> bool:
        """Return whether writing reviewed values is enabled."""
        return self._crm.writes_are_allowed()

    @retried
    def claim(self, pk: uuid.UUID) -> Lease | None:
        """Lease the delivery and bind every due decision of its contact; return None if it cannot be leased."""
        delivery = Delivery.objects.get(pk=pk)
        contact_decisions = Decision.objects.of_contact(delivery.target_table, delivery.target_id)
        due = contact_decisions.filter(state=DecisionState.OPEN, due_at__lte=Now())
        lock(due)
        lease = queue.claim(Delivery, pk)
        if lease is None:
            return None
        due.update(state=DecisionState.BOUND, delivery=delivery)
        failpoint("delivery.bound")
        return lease

    def process(self, lease: Lease, permit: Permit) -> None:
        """Assess, send and finish the bound decisions. Raises CrmError, LostLease."""
        delivery = Delivery.objects.get(pk=lease.pk)
        work = _Work(lease, delivery, self._crm, Deadline.after(settings.HTTP_SECONDS))
        with runner.reading():
            # In another organization our contacts do not exist and would look deleted.
            self._crm.verify_organization(deadline=work.deadline)
        bound = _bound_decisions(delivery)
        for wave in change_sets.split_waves(bound):
            _send_all(work, wave)
        if bound:
            breakers.record_success(permit)
        else:
            breakers.release(permit)
        results.finish_or_reset(lease)
        failpoint("delivery.finished")

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Trip the breaker for the CRM's error, and return what to do; None for an error that is not expected."""
        if isinstance(error, _StillStale):
            reason = f"The contact changed in the CRM during writing, {lease.attempts} times in a row."
            return Retry("Stale", reason, after=STALE_PAUSE)
        if isinstance(error, OperationRefused):
            columns.expire(Delivery.objects.get(pk=lease.pk).target_table)
            return runner.stop_operation(error.error, lease, breaker=Breaker.Name.REFUSED_REVIEW)
        if isinstance(error, CrmError):
            return runner.retry_crm_error(error, lease, forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)
        return None

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Mark each decision as not written, with the reason. Raises LostLease."""
        delivery = Delivery.objects.get(pk=lease.pk)
        reason = failure.reason
        if lease.outcome_unknown or delivery.outcome_unknown:
            reason += " It is not known whether it was written; Retry checks that first."
        results.apply_failure(lease, _bound_decisions(delivery), reason=reason, code=failure.code)
        queue.mark_failed(lease, error=failure.code)


def _bound_decisions(delivery: Delivery) -> list[Decision]:
    """Return the decisions that this delivery still has to write, oldest first."""
    bound = Decision.objects.filter(delivery=delivery, state=DecisionState.BOUND)
    return list(bound.select_related("field", "decided_by", "rule").order_by("decided_at", "pk"))


def _send_all(work: _Work, decisions: Sequence[Decision]) -> None:
    """Send all decisions in one change set; if the CRM refuses it, send them separately."""
    try:
        _send(work, decisions)
        return
    except REFUSALS as error:
        refusal = error
    assessments, _ = _read_and_assess(work, decisions)
    results.apply_results(work.lease, [each for each in assessments if each.finding not in conflicts.MARKING])
    parts = change_sets.split_groups(assessments)
    if len(parts) == 1:  # it would be refused again
        _fail(work, parts[0], refusal)
        return
    for part in parts:
        try:
            _send(work, part)
        except REFUSALS as part_refusal:
            _fail(work, part, part_refusal)


def _send(work: _Work, decisions: Sequence[Decision]) -> None:
    """Read, assess, send and apply; repeat if the rows changed in between, or the CRM stored another value.

    Raises CrmError, _StillStale, LostLease.
    """
    missing = 0
    stored: dict[uuid.UUID, StoredValue] = {}
    for _ in range(STALE_ROUNDS):
        assessments, snapshot = _read_and_assess(work, decisions, stored)
        change_set = change_sets.build(assessments, snapshot)
        if change_set is None:
            results.apply_results(work.lease, assessments)
            return
        _mark_sent(work, assessments)
        try:
            written = _apply(work, change_set)
        except Stale:
            continue
        except NotFound:
            missing += 1
            # Our own rows were just read twice, so the missing row is the target of a lookup.
            if missing > 1 and any(
                each.finding is Finding.WRITE
                and each.column is not None
                and each.column.type is ColumnType.LOOKUP
                and each.decision.value_to_write
                for each in assessments
            ):
                raise
            continue
        failpoint("delivery.answered")
        adjusted = conflicts.adjustments(assessments, written)
        if adjusted:
            stored |= adjusted  # another round: the staging rows must hold the values that the CRM stored
            continue
        results.apply_results(work.lease, assessments)
        failpoint("delivery.applied")
        return
    raise _StillStale


def _apply(work: _Work, change_set: ChangeSet) -> LiveContact | None:
    """Apply a change set. Raises CrmError; OperationRefused if the CRM would refuse any values."""
    try:
        return work.crm.apply(change_set, tag=f"osync-{work.delivery.pk}", deadline=work.deadline)
    except CrmError as error:
        if error.refuses_operation:
            raise OperationRefused(error) from error
        raise


def _read_and_assess(
    work: _Work, decisions: Sequence[Decision], stored: Mapping[uuid.UUID, StoredValue] | None = None
) -> tuple[list[Assessment], DeliverySnapshot]:
    """Read the contact and its staging rows, and assess each decision against them."""
    ids: dict[uuid.UUID, set[str]] = {each.field_id: set() for each in decisions}
    unproven: dict[uuid.UUID, set[str]] = {each.field_id: set() for each in decisions}
    ours = Decision.objects.filter(field__in=list(ids)).exclude(state=DecisionState.LOST)
    for earlier in ours.only("field_id", "writes", "state"):
        ids[earlier.field_id].add(str(earlier.pk))
        if earlier.writes and earlier.state in UNPROVEN_STATES:
            unproven[earlier.field_id].add(str(earlier.pk))
    own = {field_id: OwnDecisions(frozenset(ids[field_id]), frozenset(unproven[field_id])) for field_id in ids}
    wanted = {each.field.column_name for each in decisions if each.writes or own[each.field_id].unproven}
    with runner.reading():
        known = contact_columns.for_writing(work.delivery.target_table, crm=work.crm)
        snapshot = work.crm.read_for_delivery(
            table=work.delivery.target_table,
            contact_id=work.delivery.target_id,
            columns=[known[name] for name in sorted(wanted | set(STATE_COLUMNS if wanted else ())) if name in known],
            record_ids=sorted({each.field.record_id for each in decisions}),
            with_revision=contact_columns.has_revision(known),
            deadline=work.deadline,
        )
        own_user = work.crm.own_user_id(deadline=work.deadline)
    failpoint("delivery.read")
    return conflicts.assess(decisions, snapshot, columns=known, own=own, stored=stored, own_user=own_user), snapshot


@retried
def _mark_sent(work: _Work, assessments: Sequence[Assessment]) -> None:
    fields = [each.decision.field for each in assessments if each.finding in conflicts.MARKING]
    sending = SyncField.objects.filter(pk__in=[field.pk for field in fields], delivery=FieldDelivery.WAITING)
    lock(sending)
    queue.mark_sent(work.lease)
    sending.update(delivery=FieldDelivery.SENT, revision=F("revision") + 1)
    transaction.on_commit(lambda: failpoint("delivery.sent"))


def _fail(work: _Work, decisions: Sequence[Decision], refusal: CrmError) -> None:
    problem = "The row that it should point to is no longer in the CRM" if isinstance(refusal, NotFound) else _REFUSED
    results.apply_failure(work.lease, decisions, reason=f"{problem}: {refusal.message}", code=refusal.code)


def recount_all(*, chunk: int = 500) -> None:
    """Recount the fields of all edits, as part of the nightly repair."""
    ids = SyncRecord.objects.order_by("pk").values_list("pk", flat=True)
    page = list(ids[:chunk])
    while page:
        with transaction.atomic():
            SyncRecord.objects.recount(page)
        page = list(ids.filter(pk__gt=page[-1])[:chunk])
