"""What a delivery finds when it looks: per decision, whether to write, only to mark, or to hand it back.

Pure: the decisions and a fresh view of the CRM go in, verdicts come out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncapp.crm import values
from syncapp.crm.records import Column, ColumnType, DeliveryView, StagedField
from syncapp.models import Decision


class Finding(StrEnum):
    """What is to be done with one decision now."""

    WRITE = "write"  # the CRM still holds what the reviewer saw
    ALREADY = "already"  # the CRM holds the value by now: only mark the staging row
    MARK = "mark"  # nothing to write on the contact: only mark the staging row
    OURS = "ours"  # the staging row carries this decision's id: it is done, whatever the contact holds
    CONFLICT = "conflict"  # the CRM holds something else: back to the reviewer
    CONTACT_GONE = "contact_gone"  # the contact was deleted: back to the reviewer
    ELSEWHERE = "elsewhere"  # somebody decided the staging row in the CRM
    ROW_GONE = "row_gone"  # the staging row was deleted
    UNKNOWN_COLUMN = "unknown_column"  # the CRM has no such column


MARKING = (Finding.WRITE, Finding.ALREADY, Finding.MARK)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision, what was found for it, and what the CRM held."""

    decision: Decision
    finding: Finding
    staged: StagedField | None = None
    column: Column | None = None
    value_now: str | None = None
    label_now: str = ""


def judge(
    decisions: Iterable[Decision],
    view: DeliveryView,
    *,
    columns: Mapping[str, Column],
    own_ids: Mapping[uuid.UUID, frozenset[str]],
) -> list[Verdict]:
    """One verdict per decision. `own_ids`: per field, the ids of all its decisions that were ever ours."""
    return [_judge_one(decision, view, columns, own_ids) for decision in decisions]


def _judge_one(
    decision: Decision,
    view: DeliveryView,
    columns: Mapping[str, Column],
    own_ids: Mapping[uuid.UUID, frozenset[str]],
) -> Verdict:
    staged = view.fields.get(decision.field_id)
    if staged is None:
        return Verdict(decision, Finding.ROW_GONE)
    if staged.decision_id == str(decision.pk):
        return Verdict(decision, Finding.OURS, staged)
    if staged.state != 0 and staged.decision_id not in own_ids.get(decision.field_id, frozenset()):
        return Verdict(decision, Finding.ELSEWHERE, staged)
    if not decision.writes:
        return Verdict(decision, Finding.MARK, staged)
    return _judge_value(decision, view, staged, columns.get(decision.field.column_name))


def _judge_value(decision: Decision, view: DeliveryView, staged: StagedField, column: Column | None) -> Verdict:
    if view.contact is None:
        return Verdict(decision, Finding.CONTACT_GONE, staged)
    if column is None:
        return Verdict(decision, Finding.UNKNOWN_COLUMN, staged)
    now = view.contact.values.get(column.name)
    label = view.contact.labels.get(column.name, "")
    return Verdict(decision, _compare(column.type, now, decision), staged, column, now, label)


def _compare(column_type: ColumnType, now: str | None, decision: Decision) -> Finding:
    if values.same(column_type, now, decision.value_to_write):
        return Finding.ALREADY
    if values.same(column_type, now, decision.expected_value):
        return Finding.WRITE
    return Finding.CONFLICT
