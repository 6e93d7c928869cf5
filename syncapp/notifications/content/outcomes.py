"""The result of an edit, field by field, for the mail to its editor."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.mirror import columns
from syncapp.models import SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review import reasons
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one field. `now` is the CRM's value; None if that is the proposed value."""

    label: str
    is_approved: bool
    word: str
    reason: str
    proposed: DiffSide
    now: DiffSide | None


def results(record: SyncRecord) -> tuple[Result, ...]:
    """Return the results of fields that people decided, by label; superseded and withdrawn fields are left out."""
    columns_by_name = columns.of_table(record.target_table)
    decided = (FieldDecision.APPROVED, FieldDecision.REJECTED)
    found = []
    for field in SyncField.objects.filter(record=record, decision__in=decided).prefetch_related("decisions"):
        column = columns_by_name.get(field.column_name)
        label = column.label if column else field.column_name
        proposed = values.format_unmarked(column, field.proposed_value, field.proposed_label)
        last = max(field.decisions.all(), key=lambda decision: decision.version, default=None)
        if field.decision == FieldDecision.APPROVED:
            word, held = "Approved", None
            if last is not None and (last.is_corrected or last.is_adjusted):
                word = "Approved, corrected" if last.is_corrected else "Approved"
                written = field.label_of(last.written_value) if last.is_adjusted else last.corrected_label
                held = values.format_unmarked(column, last.held_value, written)
            found.append(Result(label, True, word, "", proposed, held))
        else:
            reason = reasons.describe(last.reason_code, last.reason) if last is not None else ""
            crm_value, crm_label = field.original_value, field.original_label
            if last is not None and last.writes:  # the original was written back
                crm_value, crm_label = last.value_to_write, field.label_of(last.value_to_write)
            found.append(
                Result(label, False, "Rejected", reason, proposed, values.format_unmarked(column, crm_value, crm_label))
            )
    return tuple(sorted(found, key=lambda result: result.label))
