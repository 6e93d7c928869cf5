"""Invariants of our own tables, after every step and when all work is complete."""

from __future__ import annotations

from collections import Counter, defaultdict

from dataverse_sandbox.catalog.staging import APPROVED, REJECTED, SUPERSEDED
from syncapp.models import Decision, Delivery, SyncField, SyncRecord
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.models.mirror.sync_field import ALLOWED, FieldDecision, FieldDelivery
from syncapp.models.review.decision import LIVE_STATES, DecisionState, Outcome
from tests.machine.ledger import OPEN
from tests.machine.oracle import IN_THE_CRM, Oracle, Violation

COUNTS = ("waiting_count", "attention_count", "writing_count")
CRM_DECISIONS = {Outcome.APPROVED: APPROVED, Outcome.REJECTED: REJECTED, Outcome.SUPERSEDED: SUPERSEDED}
UNFINISHED = (DecisionState.OPEN, DecisionState.BOUND)


def check_tables() -> None:
    """Check one live decision per field, one open delivery per contact, allowed states and correct counts."""
    live = Counter(Decision.objects.filter(state__in=LIVE_STATES).values_list("field_id", flat=True))
    _require(max(live.values(), default=1) == 1, "two live decisions for one field")
    open_ones = Counter(Delivery.objects.filter(state__in=OPEN_STATES).values_list("target_id", flat=True))
    _require(max(open_ones.values(), default=1) == 1, "two open deliveries for one contact")
    counted: dict[object, Counter[str]] = defaultdict(Counter)
    for record_id, decision, delivery in SyncField.objects.values_list("record_id", "decision", "delivery"):
        _require(delivery in ALLOWED[FieldDecision(decision)], f"{decision} beside {delivery}")
        counted[record_id][_counted_as(decision, delivery)] += 1
    for record in SyncRecord.objects.visible().only(*COUNTS):
        fresh = tuple(counted[record.pk][name] for name in COUNTS)
        _require(fresh == tuple(getattr(record, name) for name in COUNTS), "a record's counts are wrong")


def _counted_as(decision: str, delivery: str) -> str:
    if delivery in ("conflict", "failed"):
        return "attention_count"
    if delivery in ("waiting", "sent"):
        return "writing_count"
    return "waiting_count" if (decision, delivery) == ("pending", "none") else ""


def check_idle(oracle: Oracle) -> None:
    """Check that nothing was lost and both sides agree, after all faults ended and all work is complete."""
    _require(not Decision.objects.filter(state__in=UNFINISHED).exists(), "a decision was never finished")
    _require(not Delivery.objects.filter(state__in=OPEN_STATES).exists(), "a delivery was never finished")
    shown = {str(field.pk): field for field in SyncField.objects.select_related("record")}
    _check_decisions(oracle, shown)
    for pk, field in shown.items():
        _check_field(oracle, pk, field)
    check_all_edits_visible(oracle)
    _check_newest(oracle, shown)


def check_all_edits_visible(oracle: Oracle) -> None:
    """Check that every open edit of the CRM is visible in our tables."""
    ours = {str(pk) for pk in SyncField.objects.filter(record__is_stub=False).values_list("pk", flat=True)}
    _require(ours.issuperset(oracle.crm.open_fields()), "an edit that waits in the CRM is not visible")


def _check_decisions(oracle: Oracle, shown: dict[str, SyncField]) -> None:
    """Check that our state of each decision agrees with the ledger."""
    newest: dict[str, Decision] = {}
    for decision in Decision.objects.order_by("version"):
        reached = str(decision.pk) in oracle.written
        if decision.state in IN_THE_CRM:
            _require(reached, f"shown as {decision.state}, and the CRM never got it")
        elif decision.state not in (DecisionState.FAILED, DecisionState.REPLACED) and _is_there(oracle, decision):
            _require(not reached, f"shown as {decision.state}, and the CRM has it")
        if decision.state not in (DecisionState.UNDONE, DecisionState.REPLACED):
            newest[str(decision.field_id)] = decision
    for pk, decision in newest.items():
        _check_outcome(oracle, shown[pk], decision)


def _is_there(oracle: Oracle, decision: Decision) -> bool:
    """Return whether the staging row exists; without it the outcome of a lost answer stays unknown."""
    return str(decision.field_id) in oracle.crm.fields()


def _check_outcome(oracle: Oracle, field: SyncField, decision: Decision) -> None:
    """Check that the field agrees with its newest decision."""
    if decision.state in IN_THE_CRM:
        agrees = field.decision == decision.outcome and field.delivery in (FieldDelivery.DONE, FieldDelivery.ALREADY)
        _require(agrees, f"{decision.outcome} in the CRM, shown as {field.decision}, {field.delivery}")
        row = oracle.crm.fields().get(str(field.pk))
        if row is not None:
            same = (row["osync_decision"], row["osync_decisionid"]) == (
                CRM_DECISIONS[Outcome(decision.outcome)],
                str(decision.pk),
            )
            _require(same, "the CRM's row says another decision than ours")
    elif decision.state == DecisionState.FAILED:
        _require(bool(field.delivery == FieldDelivery.FAILED and field.trouble), "a failure without its reason")
    elif decision.state == DecisionState.CONFLICT and not oracle.is_decided_in_crm(str(field.pk)):
        _require(field.delivery == FieldDelivery.CONFLICT, "a conflict that is not shown")


def _check_field(oracle: Oracle, pk: str, field: SyncField) -> None:
    """Check that the field is open here exactly if it is open in the CRM."""
    row = oracle.crm.fields().get(pk)
    is_open = field.is_undecided or field.delivery == FieldDelivery.FAILED
    if row is None:
        _require(not is_open, "waits here, and the CRM's row is gone")
        return
    if row["statecode"] == OPEN:
        _require(is_open, f"waits in the CRM, and is shown as {field.decision}, {field.delivery}")
    elif is_open:
        ours = str(row.get("osync_decisionid")) in oracle.written
        attention = field.delivery in (FieldDelivery.CONFLICT, FieldDelivery.FAILED)
        _require(ours and attention, "waits here, and was decided in the CRM")
    mirrored = (field.crm_decision, field.crm_decision_id, field.crm_state)
    there = (row["osync_decision"], row.get("osync_decisionid") or "", row["statecode"])
    _require(mirrored == there, f"the mirror holds {mirrored}, the CRM {there}")


def _check_newest(oracle: Oracle, shown: dict[str, SyncField]) -> None:
    """Check that of several edits of one contact and column only the newest waits."""
    waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for pk, row in oracle.crm.fields().items():
        field = shown.get(pk)
        if field is not None and field.decision != FieldDecision.WITHDRAWN:
            waiting[(oracle.crm.contact_of(pk), row["osync_name"])].append(pk)
    for rows in waiting.values():
        for older in rows[:-1]:
            _require(not shown[older].is_undecided, "an edit waits although a newer one of the same field came")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
