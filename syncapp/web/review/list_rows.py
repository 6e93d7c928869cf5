"""The rows of the queue's list: whose contact, which fields, what state, in words."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncapp.crm.staging.records import Column
from syncapp.models import Person, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review import earlier_rejections
from syncapp.review.queue.criteria import overdue_before
from syncapp.web.base import holds
from syncapp.web.review import row_states
from syncapp.web.review.field import UNKNOWN_FIELD
from syncapp.web.review.row_states import Badge

MOST_LABELS = 3
ColumnsOf = Callable[[str], Mapping[str, Column]]


@dataclass(frozen=True, slots=True)
class Row:
    """One edit in the list."""

    record: SyncRecord
    labels: tuple[str, ...]
    count: int
    left: int
    hint: str
    is_current: bool
    is_late: bool
    can_be_selected: bool
    badge: Badge | None = None
    is_refused_before: bool = False

    @property
    def key(self) -> str:
        """The edit's id in addresses and names of controls: made once for the seven places of a row."""
        return str(self.record.pk)

    @property
    def is_half_decided(self) -> bool:
        """Return whether some fields are decided and some are left; the row then names those that are left."""
        return 0 < self.left < self.count

    @property
    def more(self) -> int:
        """Fields that the row does not name."""
        return (self.left if self.is_half_decided else self.count) - len(self.labels)

    @property
    def phase(self) -> str:
        """Return the state that passes by itself, as the list's next question carries it."""
        return self.badge.phase if self.badge else ""


def rows_of(
    records: Sequence[SyncRecord],
    columns_of: ColumnsOf,
    *,
    current: SyncRecord | None,
    person: Person | None = None,
) -> list[Row]:
    """Return the rows of these edits, in one query however many they are.

    Values that were rejected before cost three more, decisions on their way one, and what holds them two.
    """
    fields: dict[uuid.UUID, list[SyncField]] = defaultdict(list)
    wanted = ("id", "record_id", "column_name", "decision", "delivery", "change_kind", "unreadable")
    found = SyncField.objects.filter(record__in=records).only(*wanted)
    maybe = set()
    for field in found.annotate(maybe_refused=earlier_rejections.may_exist()):
        fields[field.record_id].append(field)
        if field.is_undecided and field.maybe_refused:  # type: ignore[attr-defined]  # annotated above
            maybe.add(field.pk)
    late = overdue_before()
    asked = SyncField.objects.filter(pk__in=maybe).select_related("record") if maybe else ()
    again = earlier_rejections.find(list(asked))
    refused = {pk for pk, of_record in fields.items() if any(field.pk in again for field in of_record)}
    decisions = row_states.last_decisions(field for of_record in fields.values() for field in of_record)
    held = holds.cached_reason()

    def row_of(record: SyncRecord) -> Row:
        own = fields[record.pk]
        row = _row(record, own, columns_of(record.target_table), current=current, late=late)
        unreadable = bool(record.unreadable)
        badge = row_states.badge(own, decisions, person=person, held=held, is_unreadable=unreadable)
        return replace(row, badge=badge, is_refused_before=record.pk in refused)

    return [row_of(record) for record in records]


def _row(
    record: SyncRecord,
    fields: list[SyncField],
    known: Mapping[str, Column],
    *,
    current: SyncRecord | None,
    late: datetime | None,
) -> Row:
    left = [field for field in fields if field.decision == FieldDecision.PENDING]
    names = [field.column_name for field in (left or fields)]
    words = sorted((known[name].label if name in known else name or UNKNOWN_FIELD for name in names), key=search_key)
    return Row(
        record=record,
        labels=tuple(shortened(words[:MOST_LABELS])),
        count=len(fields),
        left=len(left),
        hint=_hint(fields),
        is_current=current is not None and current.pk == record.pk,
        is_late=_is_late(record, late),
        can_be_selected=record.waiting_count > 0,
    )


def shortened(labels: Sequence[str]) -> Iterator[str]:
    """Neighbours of one family name it once: Address 1: Street 1, City."""
    before = ""
    for label in labels:
        family, colon, own = label.partition(": ")
        yield own if colon and family == before else label
        before = family if colon else ""


def _is_late(record: SyncRecord, late: datetime | None) -> bool:
    if late is None or record.edited_on is None or record.is_parked:
        return False
    return record.waiting_count > 0 and bool(record.edited_on < late)


def _hint(fields: list[SyncField]) -> str:
    """What all of its changes are alike in, where that is worth a word."""
    kinds = {field.change_kind for field in fields}
    kind = ChangeKind(kinds.pop()) if len(kinds) == 1 else ChangeKind.OTHER
    return "" if kind is ChangeKind.OTHER else kind.label.lower()
