"""The history of a contact: its earlier edits with their decisions, and proposed values that it held before.

Only changes that passed through the portal are known; other changes in the CRM are not.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
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
    """A proposed value that the CRM held before, last seen at `at`; `ended` says that our write then replaced it."""

    at: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class ContactHistory:
    """The newest edited fields of one contact, and whether older ones were left out."""

    fields: Sequence[SyncField]
    has_more: bool


def contact_history(record: SyncRecord, *, limit: int = MAX_LISTED) -> ContactHistory:
    """Return the edited fields of this edit's contact, newest first."""
    found = list(_fields_of_contact(record).order_by("-record__edited_on", "column_name", "pk")[: limit + 1])
    return ContactHistory(found[:limit], len(found) > limit)


def fields_in_other_edits(record: SyncRecord, fields: Collection[SyncField]) -> list[SyncField]:
    """Return fields of the contact's other edits that share a column with an undecided field, newest first."""
    names = {field.column_name for field in fields if field.is_undecided}
    if not names or record.target_id is None:
        return []
    rows = _fields_of_contact(record).filter(column_name__in=names).exclude(record=record)
    return list(rows.order_by("-record__edited_on", "pk")[:MAX_COMPARED])


def find_former_values(
    fields: Collection[SyncField], rows: Sequence[SyncField], known: Mapping[str, Column]
) -> dict[uuid.UUID, FormerValue]:
    """Return, by field, when the CRM last held the proposed value before the edit.

    `rows` are the contact's fields in other edits, as `fields_in_other_edits` returns them.
    """
    found = {}
    for field in fields:
        if not (field.is_undecided and field.proposed_value):
            continue
        column = known.get(field.column_name)
        kind, before = column.type if column else ColumnType.TEXT, field.record.edited_on
        same = [row for row in rows if row.column_name == field.column_name]
        proofs = []  # moments at which a row proves that the CRM held the value
        for row in same:
            if row.record.edited_on is not None and conversion.same(kind, row.original_value, field.proposed_value):
                proofs.append(FormerValue(row.record.edited_on, ended=False))
            for decision in row.decisions.all():
                if decision.state != DecisionState.WRITTEN or not decision.writes or decision.finished_at is None:
                    continue
                if conversion.same(kind, decision.expected_value, field.proposed_value):
                    proofs.append(FormerValue(decision.finished_at, ended=True))
                elif conversion.same(kind, decision.held_value, field.proposed_value):
                    proofs.append(FormerValue(decision.finished_at, ended=False))
        former = [proof for proof in proofs if before is None or proof.at < before]
        if former:
            found[field.pk] = max(former, key=lambda proof: (proof.at, proof.ended))
    return found


def newer_edits(record: SyncRecord, fields: Collection[SyncField]) -> dict[str, uuid.UUID]:
    """Return, by superseded column, the contact's newest edit of that column."""
    names = {field.column_name for field in fields if field.decision == FieldDecision.SUPERSEDED}
    if not names or record.target_id is None:
        return {}
    rows = SyncField.objects.filter(
        record__target_id=record.target_id, record__target_table=record.target_table, column_name__in=names
    )
    newest_last = rows.exclude(record=record).order_by("record__edited_on", "version")
    return dict(newest_last.values_list("column_name", "record_id"))


def _fields_of_contact(record: SyncRecord) -> QuerySet[SyncField]:
    newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
    same = SyncField.objects.filter(
        record__target_id=record.target_id, record__target_table=record.target_table, record__is_stub=False
    )
    return same.select_related("record").prefetch_related(Prefetch("decisions", newest_first))
