"""Earlier rejections of a value that is proposed again for the same field of the same contact."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch
from django.utils import timezone

from syncapp.crm.staging.records import ColumnType
from syncapp.crm.values import conversion
from syncapp.mirror import columns
from syncapp.models import Decision, Person, SyncField
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review import reasons
from syncapp.review.diff import presentation

MAX_COMPARED = 1000
_VALID_STATES = (
    DecisionState.OPEN,
    DecisionState.BOUND,
    DecisionState.FAILED,
    DecisionState.WRITTEN,
    DecisionState.ALREADY,
)
_FieldKey = tuple[str, uuid.UUID | None, str]  # table, contact, column


@dataclass(frozen=True, slots=True)
class EarlierRejection:
    """The last rejection of a value, and how often it was rejected in all."""

    decision: Decision
    times: int


def find(fields: Collection[SyncField]) -> dict[uuid.UUID, EarlierRejection]:
    """Return the earlier rejections of each undecided field's value, by field id; `field.record` should be loaded."""
    undecided = [field for field in fields if field.is_undecided and field.record.target_id is not None]
    if not undecided:
        return {}
    rows = SyncField.objects.filter(
        decision=FieldDecision.REJECTED,
        record__target_id__in={field.record.target_id for field in undecided},
        column_name__in={field.column_name for field in undecided},
    )
    newest_first = Decision.objects.select_related("decided_by", "rule").order_by("-version")
    with_decisions = rows.select_related("record").prefetch_related(Prefetch("decisions", newest_first))
    return find_among(undecided, list(with_decisions.order_by("-pk")[:MAX_COMPARED]))


def find_among(fields: Collection[SyncField], earlier: Iterable[SyncField]) -> dict[uuid.UUID, EarlierRejection]:
    """Return the rejections among these earlier fields; their records and decisions (newest first) are prefetched."""
    rejected: dict[_FieldKey, list[SyncField]] = defaultdict(list)
    for row in earlier:
        if row.decision == FieldDecision.REJECTED:
            rejected[_key(row)].append(row)
    repeated = [field for field in fields if field.is_undecided and _key(field) in rejected]
    known = {table: columns.of_table(table) for table in {field.record.target_table for field in repeated}}
    found = {}
    for field in repeated:
        column = known[field.record.target_table].get(field.column_name)
        kind = column.type if column is not None else ColumnType.TEXT
        last_rejections: list[Decision] = []  # one for each earlier field with the same value
        for row in rejected[_key(field)]:
            if conversion.same(kind, row.proposed_value, field.proposed_value):
                rejections = (each for each in row.decisions.all() if each.outcome == Outcome.REJECTED)
                last_rejections += [each for each in rejections if each.state in _VALID_STATES][:1]
        if last_rejections:
            newest = max(last_rejections, key=lambda decision: decision.decided_at)
            found[field.pk] = EarlierRejection(newest, len(last_rejections))
    return found


def rejected_before_condition() -> Exists:
    """Return a condition for fields whose column was ever rejected for the same contact."""
    rejected = SyncField.objects.filter(decision=FieldDecision.REJECTED, column_name=OuterRef("column_name"))
    return Exists(rejected.filter(record__target_id=OuterRef("record__target_id")))


def describe(rejection: EarlierRejection, *, reader: Person | None = None) -> str:
    """Describe who rejected the value, when, why and how often; the day is in the active time zone."""
    last = rejection.decision
    day = presentation.format_day(timezone.localtime(last.decided_at).date())
    by = "you" if reader is not None and last.decided_by_id == reader.pk else last.decider or "the portal"
    begin = "Rejected before" if rejection.times == 1 else f"Rejected {rejection.times} times before, last"
    why = reasons.describe(last.reason_code, last.reason)
    return f"{begin} by {by} on {day}" + (f": {why}" if why else "")


def _key(field: SyncField) -> _FieldKey:
    return field.record.target_table, field.record.target_id, field.column_name
