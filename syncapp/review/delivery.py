"""The place where decisions are delivered to the CRM, one contact at a time.

    claim ─▶ bind due decisions ─▶ read the CRM ─▶ judge ─▶ mark sent ─▶ one change set ─▶ settle

Every round starts by reading, so a delivery whose answer was lost is verified by the same steps: a staging row that
carries our decision's id is done, whatever the contact holds by now. Every part of a change set carries `If-Match`, so
a request that is still under way when we read again can no longer take effect after our own.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from syncapp import durable, gates
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, NotFound, ProtocolError, Rejected, Stale, WritesDisabled
from syncapp.crm.records import DeliveryView
from syncapp.crm.transport import Deadline
from syncapp.durable import Claim, LostLease, failpoint
from syncapp.gates import WRITE_GATES, Passage
from syncapp.mirror import columns
from syncapp.models import Decision, Delivery, Gate, SyncField, SyncRecord
from syncapp.models.decision import UNPROVEN_STATES, DecisionState
from syncapp.models.sync_field import FieldDelivery
from syncapp.review import change_sets, conflicts, settlement
from syncapp.review.conflicts import Own, Verdict

log = logging.getLogger(__name__)

GATES = (*WRITE_GATES, Gate.Name.FORBIDDEN_REVIEW)
STALE_ROUNDS = 3
STALE_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class _Round:
    """One claimed delivery with everything its steps need."""

    claim: Claim
    delivery: Delivery
    crm: CrmClient
    deadline: Deadline


class _StillStale(Exception):
    """The rows moved under us three times in a row; nothing of this round was applied."""


def deliver(delivery_id: uuid.UUID, *, crm: CrmClient) -> bool:
    """Bring the contact's due decisions to the CRM; False where there was nothing to claim.

    Safe to call twice, at once, and after a crash at any step. What went wrong is in the rows, never raised.
    """
    if not (crm.writes_are_allowed() and Delivery.objects.filter(pk=delivery_id).due().exists()):
        return False
    passage = gates.pass_through(GATES)
    if passage is None:
        return False
    claim = _claim_and_bind(delivery_id)
    if claim is None:
        gates.give_back(passage)
        return False
    failpoint("delivery.claimed")
    try:
        _work(claim, passage, crm)
    except LostLease:
        log.warning("delivery %s: lease lost, stopped", delivery_id)
    return True


@transaction.atomic
def _claim_and_bind(delivery_id: uuid.UUID) -> Claim | None:
    claim = durable.claim(Delivery, delivery_id)
    if claim is None:
        return None
    delivery = Delivery.objects.get(pk=delivery_id)
    due = Decision.objects.of_contact(delivery.target_table, delivery.target_id)
    due.filter(state=DecisionState.OPEN, due_at__lte=Now()).update(state=DecisionState.BOUND, delivery=delivery)
    failpoint("delivery.bound")
    return claim


def _work(claim: Claim, passage: Passage, crm: CrmClient) -> None:
    delivery = Delivery.objects.get(pk=claim.pk)
    work = _Round(claim, delivery, crm, Deadline.after(settings.HTTP_SECONDS))
    try:
        if claim.attempts > settings.ATTEMPTS:
            _give_up(work, error="crashed", said=f"The work was interrupted {settings.ATTEMPTS} times.")
            return
        crm.prove_home(deadline=work.deadline)  # what is not there in another CRM would be taken for deleted
        bound = _bound(work)
        for wave in change_sets.waves(bound):
            _send_all(work, wave)
        if bound:
            gates.crm_answered(passage)
        else:
            gates.give_back(passage)
        settlement.finish(claim)
        failpoint("delivery.finished")
    except _StillStale:
        durable.hand_back(claim, due_in=STALE_PAUSE, error="Stale")
    except CrmError as error:
        _after_error(work, error)


def _bound(work: _Round) -> list[Decision]:
    """The decisions that this delivery still has to settle, oldest first."""
    bound = Decision.objects.filter(delivery=work.delivery, state=DecisionState.BOUND)
    return list(bound.select_related("field", "decided_by", "rule").order_by("decided_at", "pk"))


def _send_all(work: _Round, decisions: Sequence[Decision]) -> None:
    """One change set for all of them; where the CRM refuses that, one for each column."""
    try:
        _send(work, decisions)
    except Rejected as refusal:
        _send_apart(work, decisions, refusal)


def _send_apart(work: _Round, decisions: Sequence[Decision], refusal: Rejected) -> None:
    verdicts, _ = _look(work, decisions)
    settlement.settle(work.claim, [each for each in verdicts if each.finding not in conflicts.MARKING])
    parts = change_sets.groups(verdicts)
    if len(parts) == 1:
        _fail(work, parts[0], refusal)
        return
    for part in parts:
        _send_alone(work, part)


def _send_alone(work: _Round, part: Sequence[Decision]) -> None:
    try:
        _send(work, part)
    except Rejected as refusal:
        _fail(work, part, refusal)


def _send(work: _Round, decisions: Sequence[Decision]) -> None:
    """Read, judge, send, settle; again where the rows moved in between. Raises CrmError, _StillStale, LostLease."""
    for _ in range(STALE_ROUNDS):
        verdicts, view = _look(work, decisions)
        change_set = change_sets.build(verdicts, view)
        if change_set is None:
            settlement.settle(work.claim, verdicts)
            return
        _mark_sent(work, verdicts)
        try:
            work.crm.apply(change_set, tag=f"osync-{work.delivery.pk}", deadline=work.deadline)
        except (Stale, NotFound):
            continue
        failpoint("delivery.answered")
        settlement.settle(work.claim, verdicts)
        failpoint("delivery.settled")
        return
    raise _StillStale


def _look(work: _Round, decisions: Sequence[Decision]) -> tuple[list[Verdict], DeliveryView]:
    """A fresh view of the contact and its staging rows, and what it means for each decision."""
    known = columns.of_table(work.delivery.target_table)
    own = _own(decisions)
    wanted = {each.field.column_name for each in decisions if each.writes or own[each.field_id].unproven}
    view = work.crm.view_for_delivery(
        table=work.delivery.target_table,
        contact_id=work.delivery.target_id,
        columns=[known[name] for name in sorted(wanted) if name in known],
        record_ids=sorted({each.field.record_id for each in decisions}),
        deadline=work.deadline,
    )
    failpoint("delivery.read")
    return conflicts.judge(decisions, view, columns=known, own=own), view


def _own(decisions: Sequence[Decision]) -> dict[uuid.UUID, Own]:
    ids: dict[uuid.UUID, set[str]] = {each.field_id: set() for each in decisions}
    unproven: dict[uuid.UUID, set[str]] = {each.field_id: set() for each in decisions}
    for earlier in Decision.objects.filter(field__in=list(ids)).only("field_id", "writes", "state"):
        ids[earlier.field_id].add(str(earlier.pk))
        if earlier.writes and earlier.state in UNPROVEN_STATES:
            unproven[earlier.field_id].add(str(earlier.pk))
    return {field_id: Own(frozenset(ids[field_id]), frozenset(unproven[field_id])) for field_id in ids}


@transaction.atomic
def _mark_sent(work: _Round, verdicts: Sequence[Verdict]) -> None:
    durable.mark_sent(work.claim)
    fields = [each.decision.field for each in verdicts if each.finding in conflicts.MARKING]
    sending = SyncField.objects.filter(pk__in=[field.pk for field in fields], delivery=FieldDelivery.WAITING)
    sending.update(delivery=FieldDelivery.SENT, revision=F("revision") + 1)
    transaction.on_commit(lambda: failpoint("delivery.sent"))


def _fail(work: _Round, decisions: Sequence[Decision], refusal: CrmError) -> None:
    settlement.fail(work.claim, decisions, trouble=f"The CRM refused it: {refusal.message}", code=refusal.code)


def _after_error(work: _Round, error: CrmError) -> None:
    """Nothing more can be done in this round: close the gate it calls for, and say when to try again."""
    log.warning("delivery %s: %s %s %s", work.delivery.pk, type(error).__name__, error.status, error.request_id)
    free = gates.crm_failed(error, forbidden_gate=Gate.Name.FORBIDDEN_REVIEW) or isinstance(error, WritesDisabled)
    name = type(error).__name__
    if not (free or error.transient or isinstance(error, ProtocolError)):
        _give_up(work, error=name, said=error.message)
    elif not free and work.claim.attempts >= settings.ATTEMPTS:
        _give_up(work, error=name)
    else:
        unknown = error.may_have_applied or work.claim.outcome_unknown
        pause = _pause(work.claim.attempts, error)
        durable.hand_back(work.claim, due_in=pause, error=name, unknown=unknown, free=free)


def _pause(attempts: int, error: CrmError) -> float:
    """Full jitter under a cap that doubles; the CRM's own advice wins."""
    if error.retry_after:
        return error.retry_after
    return random.uniform(0.5, min(60.0, 2.0**attempts))  # noqa: S311  (spreads load, guards nothing)


def _give_up(work: _Round, *, error: str, said: str = "") -> None:
    """The attempts are used up: show each decision as not written, with what is known about it."""
    trouble = said or f"The CRM did not answer {work.claim.attempts} times."
    if work.claim.outcome_unknown or Delivery.objects.get(pk=work.delivery.pk).outcome_unknown:
        trouble += " Whether it was written is not known; Retry reads it back first."
    with transaction.atomic():
        settlement.fail(work.claim, _bound(work), trouble=trouble, code=error)
        durable.give_up(work.claim, error=error)


def recount_all(*, chunk: int = 500) -> None:
    """Count every record's fields again; part of the nightly repair."""
    ids = SyncRecord.objects.order_by("pk").values_list("pk", flat=True)
    page = list(ids[:chunk])
    while page:
        with transaction.atomic():
            SyncRecord.objects.recount(page)
        page = list(ids.filter(pk__gt=page[-1])[:chunk])
