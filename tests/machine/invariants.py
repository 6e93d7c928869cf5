"""What must hold of our own tables after every step, and when everything has come to rest."""

from __future__ import annotations

from collections import Counter, defaultdict

from dataverse_sandbox.catalogue.staging import APPROVED, REJECTED, SUPERSEDED
from syncapp.models import Decision, Delivery, SyncField, SyncRecord
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.models.mirror.sync_field import ALLOWED, FieldDecision, FieldDelivery
from syncapp.models.review.decision import LIVE_STATES, DecisionState, Outcome
from tests.machine.judge import IN_THE_CRM, Judge, Violation
from tests.machine.ledger import OPEN

COUNTS = ("waiting_count", "attention_count", "writing_count")
CRM_WORD = {Outcome.APPROVED: APPROVED, Outcome.REJECTED: REJECTED, Outcome.SUPERSEDED: SUPERSEDED}
UNSETTLED = (DecisionState.OPEN, DecisionState.BOUND)


def check_tables() -> None:
    """One live decision a field, one open delivery a contact, axes that agree, true counts (a stub has none yet)."""
    live = Counter(Decision.objects.filter(state__in=LIVE_STATES).values_list("field_id", flat=True))
    _require(max(live.values(), default=1) == 1, "two live decisions for one field")
    open_ones = Counter(Delivery.objects.filter(state__in=OPEN_STATES).values_list("target_id", flat=True))
    _require(max(open_ones.values(), default=1) == 1, "two open deliveries for one contact")
    counted: dict[object, Counter[str]] = defaultdict(Counter)
    for record_id, decision, delivery in SyncField.objects.values_list("record_id", "decision", "delivery"):
        _require(delivery in ALLOWED[FieldDecision(decision)], f"{decision} beside {delivery}")
        counted[record_id][_counted_as(decision, delivery)] += 1
    for record in SyncRecord.objects.shown().only(*COUNTS):
        fresh = tuple(counted[record.pk][name] for name in COUNTS)
        _require(fresh == tuple(getattr(record, name) for name in COUNTS), "a record's counts are not true")


def _counted_as(decision: str, delivery: str) -> str:
    if delivery in ("conflict", "failed"):
        return "attention_count"
    if delivery in ("waiting", "sent"):
        return "writing_count"
    return "waiting_count" if (decision, delivery) == ("pending", "none") else ""


def check_rest(judge: Judge) -> None:
    """Everything works again and nothing is left to do: nothing was lost, and both sides agree."""
    _require(not Decision.objects.filter(state__in=UNSETTLED).exists(), "a decision was never settled")
    _require(not Delivery.objects.filter(state__in=OPEN_STATES).exists(), "a delivery was never done")
    shown = {str(field.pk): field for field in SyncField.objects.select_related("record")}
    _check_decisions(judge, shown)
    for pk, field in shown.items():
        _check_field(judge, pk, field)
    check_nothing_is_hidden(judge)
    _check_newest(judge, shown)


def check_nothing_is_hidden(judge: Judge) -> None:
    """Every edit that waits in the CRM is in our tables, with its parent."""
    ours = {str(pk) for pk in SyncField.objects.filter(record__is_stub=False).values_list("pk", flat=True)}
    _require(ours.issuperset(judge.crm.open_fields()), "an edit that waits in the CRM is not shown")


def _check_decisions(judge: Judge, shown: dict[str, SyncField]) -> None:
    """What we say of a decision is what the ledger says of it."""
    newest: dict[str, Decision] = {}
    for decision in Decision.objects.order_by("version"):
        reached = str(decision.pk) in judge.written
        if decision.state in IN_THE_CRM:
            _require(reached, f"shown as {decision.state}, and the CRM never got it")
        elif decision.state not in (DecisionState.FAILED, DecisionState.REPLACED) and _is_there(judge, decision):
            _require(not reached, f"shown as {decision.state}, and the CRM has it")
        if decision.state not in (DecisionState.UNDONE, DecisionState.REPLACED):
            newest[str(decision.field_id)] = decision
    for pk, decision in newest.items():
        _check_outcome(judge, shown[pk], decision)


def _is_there(judge: Judge, decision: Decision) -> bool:
    """Whether the staging row still is, which alone can tell whether a lost answer meant yes or no."""
    return str(decision.field_id) in judge.crm.fields()


def _check_outcome(judge: Judge, field: SyncField, decision: Decision) -> None:
    """The field says what became of its newest decision."""
    if decision.state in IN_THE_CRM:
        agrees = field.decision == decision.outcome and field.delivery in (FieldDelivery.DONE, FieldDelivery.ALREADY)
        _require(agrees, f"{decision.outcome} in the CRM, shown as {field.decision}, {field.delivery}")
        row = judge.crm.fields().get(str(field.pk))
        if row is not None:
            same = (row["osync_decision"], row["osync_decisionid"]) == (
                CRM_WORD[Outcome(decision.outcome)],
                str(decision.pk),
            )
            _require(same, "the CRM's row says another decision than ours")
    elif decision.state == DecisionState.FAILED:
        _require(bool(field.delivery == FieldDelivery.FAILED and field.trouble), "a failure without its reason")
    elif decision.state == DecisionState.CONFLICT and not judge.is_decided_elsewhere(str(field.pk)):
        _require(field.delivery == FieldDelivery.CONFLICT, "a conflict that nobody is shown")


def _check_field(judge: Judge, pk: str, field: SyncField) -> None:
    """Open in the CRM and open here are the same."""
    row = judge.crm.fields().get(pk)
    is_open = field.is_undecided or field.delivery == FieldDelivery.FAILED
    if row is None:
        _require(not is_open, "waits here, and the CRM's row is gone")
        return
    if row["statecode"] == OPEN:
        _require(is_open, f"waits in the CRM, and is shown as {field.decision}, {field.delivery}")
    elif is_open:
        ours = str(row.get("osync_decisionid")) in judge.written
        attention = field.delivery in (FieldDelivery.CONFLICT, FieldDelivery.FAILED)
        _require(ours and attention, "waits here, and was decided in the CRM")
    mirrored = (field.crm_decision, field.crm_decision_id, field.crm_state)
    there = (row["osync_decision"], row.get("osync_decisionid") or "", row["statecode"])
    _require(mirrored == there, f"the mirror holds {mirrored}, the CRM {there}")


def _check_newest(judge: Judge, shown: dict[str, SyncField]) -> None:
    """Of several edits of one contact and field at most the newest waits."""
    waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for pk, row in judge.crm.fields().items():
        field = shown.get(pk)
        if field is not None and field.decision != FieldDecision.WITHDRAWN:
            waiting[(judge.crm.contact_of(pk), row["osync_name"])].append(pk)
    for rows in waiting.values():
        for older in rows[:-1]:
            _require(not shown[older].is_undecided, "an edit waits although a newer one of the same field came")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
