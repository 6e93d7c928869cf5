"""The history of a contact as its page shows it: by field, the newest first, each with what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncapp.crm.staging.records import Column
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.review import history
from syncapp.review.diff import values
from syncapp.review.diff.values import ValueDiff
from syncapp.web.base import holds
from syncapp.web.base.holds import HoldReason
from syncapp.web.review import outcomes
from syncapp.web.review.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PastShown:
    """One earlier proposal for one field."""

    field: SyncField
    change: ValueDiff
    outcome: Outcome
    decision: Decision | None
    is_this: bool

    @property
    def record(self) -> SyncRecord:
        return self.field.record


@dataclass(frozen=True, slots=True)
class FieldPast:
    """Everything that was proposed for one field of the contact."""

    label: str
    entries: tuple[PastShown, ...]


@dataclass(frozen=True, slots=True)
class ContactPast:
    """The page: fields by label, and whether older edits were left out."""

    fields: tuple[FieldPast, ...]
    count: int
    has_more: bool


def past_shown(record: SyncRecord, *, person: Person, known: Mapping[str, Column]) -> ContactPast:
    """Read what happened to this contact, in words."""
    past = history.contact_history(record)
    held = holds.cached_reason()
    by_label: dict[str, list[PastShown]] = {}
    for field in past.fields:
        column = known.get(field.column_name)
        entries = by_label.setdefault(column.label if column else field.column_name, [])
        entries.append(_shown(field, column, person, held, is_this=field.record_id == record.pk))
    fields = [FieldPast(label, tuple(entries)) for label, entries in by_label.items()]
    return ContactPast(tuple(sorted(fields, key=_label)), len(past.fields), past.has_more)


def _shown(field: SyncField, column: Column | None, person: Person, held: HoldReason, *, is_this: bool) -> PastShown:
    found = outcomes.state(field, person=person, held=held)
    return PastShown(field, values.diff_field(field, column), found, outcomes.last_decision(field), is_this)


def _label(past: FieldPast) -> str:
    return search_key(past.label)
