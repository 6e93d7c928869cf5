"""The result of an edit per field, for the mail to its editor."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review import reasons
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one field: the decision, its reason, the proposed value and the CRM's present one."""

    label: str
    is_approved: bool
    word: str
    reason: str
    proposed: DiffSide
    now: DiffSide | None


def results(record: SyncRecord) -> tuple[Result, ...]:
    """Return the fields that people decided, by label, without superseded and withdrawn ones."""
    known = columns.of_table(record.target_table)
    decided = (FieldDecision.APPROVED, FieldDecision.REJECTED)
    rows = SyncField.objects.filter(record=record, decision__in=decided).prefetch_related("decisions")
    return tuple(sorted((_result(row, known.get(row.column_name)) for row in rows), key=lambda each: each.label))


def _result(field: SyncField, column: Column | None) -> Result:
    last = max(field.decisions.all(), key=lambda decision: decision.version, default=None)
    proposed = values.unmarked(column, field.proposed_value, field.proposed_label)
    label = column.label if column else field.column_name
    if field.decision == FieldDecision.APPROVED:
        word = "Approved, corrected" if last is not None and last.is_corrected else "Approved"
        return Result(label, True, word, "", proposed, _written_instead(field, last, column))
    reason = reasons.describe(last.reason_code, last.reason) if last is not None else ""
    return Result(label, False, "Rejected", reason, proposed, _kept(field, last, column))


def _written_instead(field: SyncField, last: Decision | None, column: Column | None) -> DiffSide | None:
    """Return the value that was written instead of the proposal; None if the proposal was written unchanged."""
    if last is None or not (last.is_corrected or last.is_adjusted):
        return None
    label = field.label_of(last.written_value) if last.is_adjusted else last.corrected_label
    return values.unmarked(column, last.held_value, label)


def _kept(field: SyncField, last: Decision | None, column: Column | None) -> DiffSide:
    if last is not None and last.writes:  # put back
        return values.unmarked(column, last.value_to_write, field.label_of(last.value_to_write))
    return values.unmarked(column, field.original_value, field.original_label)
