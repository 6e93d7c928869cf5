"""The history of a contact: its earlier edits by field, newest first, with their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncapp.crm.staging.records import Column
from syncapp.models import Person, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.review import history
from syncapp.review.diff import values
from syncapp.review.diff.values import ValueDiff
from syncapp.web.base import holds
from syncapp.web.review.outcomes import OutcomePresenter, outcome_or_state


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One proposal for one field."""

    field: SyncField
    change: ValueDiff
    outcome: OutcomePresenter
    is_of_this_edit: bool

    @property
    def record(self) -> SyncRecord:
        return self.field.record


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """All proposals for one field of the contact."""

    label: str
    entries: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class HistoryPresenter:
    """The fields, sorted by label. `has_more`: older edits are not shown."""

    fields: tuple[FieldHistory, ...]
    count: int
    has_more: bool


def present_history(record: SyncRecord, *, person: Person, columns: Mapping[str, Column]) -> HistoryPresenter:
    """Return the history of the edit's contact, grouped by field label."""
    contact_history = history.contact_history(record)
    held = holds.cached_reason()
    by_label: dict[str, list[HistoryEntry]] = {}
    for field in contact_history.fields:
        column = columns.get(field.column_name)
        found = outcome_or_state(field, person=person, held=held)
        entry = HistoryEntry(field, values.diff_field(field, column), found, field.record_id == record.pk)
        by_label.setdefault(column.label if column else field.column_name, []).append(entry)
    fields = [FieldHistory(label, tuple(entries)) for label, entries in by_label.items()]
    fields.sort(key=lambda each: search_key(each.label))
    return HistoryPresenter(tuple(fields), len(contact_history.fields), contact_history.has_more)
