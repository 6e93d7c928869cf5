"""What happened to a contact before: its earlier edits with their decisions, and values that came back.

Only what passed through the portal is known; what else changed in the CRM is not, and nothing here claims it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import conversion
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState

MAX_LISTED = 100
MAX_COMPARED = 200


@dataclass(frozen=True, slots=True)
class FormerValue:
    """A proposed value that the CRM once held: until `at` where our own write ended it, else as seen then."""

    at: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class ContactHistory:
    """The newest edits of one contact, field by field, and whether older ones were left out."""

    fields: Sequence[SyncField]
    has_more: bool


def contact_history(record: SyncRecord, *, most: int = MAX_LISTED) -> ContactHistory:
    """Every edited field of this contact, this edit's included, the newest first."""
    found = list(_fields_of_contact(record).order_by("-record__edited_on", "column_name", "pk")[: most + 1])
    return ContactHistory(found[:most], len(found) > most)


def other_edits(record: SyncRecord, fields: Collection[SyncField]) -> list[SyncField]:
    """Read the other edits of this contact's fields that wait for a decision, the newest first."""
    asked = {field.column_name for field in fields if field.is_undecided}
    if not asked or record.target_id is None:
        return []
    rows = _fields_of_contact(record).filter(column_name__in=asked).exclude(record=record)
    return list(rows.order_by("-record__edited_on", "pk")[:MAX_COMPARED])


def find_former_values(
    fields: Collection[SyncField], rows: Sequence[SyncField], known: Mapping[str, Column]
) -> dict[uuid.UUID, FormerValue]:
    """Find per undecided field whose proposal is an older value of the CRM when the CRM held it, among `earlier`."""
    asked = [field for field in fields if field.is_undecided and field.proposed_value]
    found = {field.pk: _echo(field, rows, known.get(field.column_name)) for field in asked}
    return {pk: echo for pk, echo in found.items() if echo is not None}


def newer_edits(record: SyncRecord, fields: Collection[SyncField]) -> dict[str, uuid.UUID]:
    """Per superseded column: the newest edit of this contact that has it too."""
    asked = {field.column_name for field in fields if field.decision == FieldDecision.SUPERSEDED}
    if not asked or record.target_id is None:
        return {}
    rows = SyncField.objects.filter(
        record__target_id=record.target_id, record__target_table=record.target_table, column_name__in=asked
    )
    newest_last = rows.exclude(record=record).order_by("record__edited_on", "version")
    return dict(newest_last.values_list("column_name", "record_id"))


def _fields_of_contact(record: SyncRecord) -> QuerySet[SyncField]:
    newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
    same = SyncField.objects.filter(
        record__target_id=record.target_id, record__target_table=record.target_table, record__is_stub=False
    )
    return same.select_related("record").prefetch_related(Prefetch("decisions", newest_first))


def _echo(field: SyncField, rows: Sequence[SyncField], column: Column | None) -> FormerValue | None:
    kind = column.type if column else ColumnType.TEXT
    before = field.record.edited_on
    seen = [
        echo
        for row in rows
        if row.column_name == field.column_name
        for echo in _held(row, field.proposed_value, kind)
        if before is None or echo.at < before
    ]
    return max(seen, key=lambda echo: (echo.at, echo.ended), default=None)


def _held(row: SyncField, value: str | None, kind: ColumnType) -> Iterator[FormerValue]:
    """The moments at which this row proves that the CRM held the value."""
    if row.record.edited_on is not None and conversion.same(kind, row.original_value, value):
        yield FormerValue(row.record.edited_on, ended=False)
    for decision in row.decisions.all():
        if decision.state != DecisionState.WRITTEN or not decision.writes or decision.finished_at is None:
            continue
        if conversion.same(kind, decision.expected_value, value):
            yield FormerValue(decision.finished_at, ended=True)
        elif conversion.same(kind, decision.held_value, value):
            yield FormerValue(decision.finished_at, ended=False)
