"""The rows of the queue's list: whose contact, which fields, what state, in words."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncapp.crm.records import Column
from syncapp.models import SyncField, SyncRecord
from syncapp.models.change_kind import ChangeKind
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review import refusals
from syncapp.review.narrowing import overdue_before
from syncapp.web.field_shown import UNKNOWN_FIELD

MOST_LABELS = 3
ColumnsOf = Callable[[str], Mapping[str, Column]]


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in one word, with its picture."""

    icon: str
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Row:
    """One edit in the list."""

    record: SyncRecord
    labels: tuple[str, ...]
    count: int
    hint: str
    badge: Badge | None
    is_current: bool
    is_late: bool
    can_be_selected: bool
    is_refused_before: bool = False

    @property
    def key(self) -> str:
        """The edit's id in addresses and names of controls: made once for the seven places of a row."""
        return str(self.record.pk)

    @property
    def more(self) -> int:
        """Fields that the row does not name."""
        return self.count - len(self.labels)


def rows_of(records: Sequence[SyncRecord], columns_of: ColumnsOf, *, current: SyncRecord | None) -> list[Row]:
    """The rows of these edits, in one query however many they are; in four where values were rejected before."""
    fields: dict[uuid.UUID, list[SyncField]] = defaultdict(list)
    wanted = ("id", "record_id", "column_name", "decision", "delivery", "change_kind", "unreadable")
    found = SyncField.objects.filter(record__in=records).only(*wanted)
    maybe = set()
    for field in found.annotate(maybe_refused=refusals.maybe_refused_before()):
        fields[field.record_id].append(field)
        if field.is_undecided and field.maybe_refused:  # type: ignore[attr-defined]  # annotated above
            maybe.add(field.pk)
    late = overdue_before()
    asked = SyncField.objects.filter(pk__in=maybe).select_related("record") if maybe else ()
    again = refusals.refused_before(list(asked))
    refused = {pk for pk, of_record in fields.items() if any(field.pk in again for field in of_record)}
    rows = (
        _row(record, fields[record.pk], columns_of(record.target_table), current=current, late=late)
        for record in records
    )
    return [replace(row, is_refused_before=row.record.pk in refused) for row in rows]


def _row(
    record: SyncRecord,
    fields: list[SyncField],
    known: Mapping[str, Column],
    *,
    current: SyncRecord | None,
    late: datetime | None,
) -> Row:
    names = [field.column_name for field in fields]
    words = sorted((known[name].label if name in known else name or UNKNOWN_FIELD for name in names), key=str.casefold)
    return Row(
        record=record,
        labels=tuple(shortened(words[:MOST_LABELS])),
        count=len(fields),
        hint=_hint(fields),
        badge=_badge(fields, is_unreadable=bool(record.unreadable)),
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


def _badge(fields: list[SyncField], *, is_unreadable: bool) -> Badge | None:
    """The gravest state of its fields; none while all of them simply wait."""
    undecided = [field for field in fields if field.decision == FieldDecision.PENDING]
    if any(is_unreadable or field.unreadable for field in undecided):
        return Badge("alert", "bad", "Cannot be read")
    deliveries = {field.delivery for field in fields}
    for delivery, badge in _BADGES.items():
        if delivery in deliveries:
            return badge
    if not fields or undecided:
        return None
    return _FINAL.get(frozenset(FieldDecision(field.decision) for field in fields), Badge("check", "", "Decided"))


_BADGES = {
    FieldDelivery.CONFLICT: Badge("split", "warn", "Conflict"),
    FieldDelivery.FAILED: Badge("stop-sign", "bad", "Not written"),
    FieldDelivery.SENT: Badge("clock", "accent", "Being written"),
    FieldDelivery.WAITING: Badge("clock", "accent", "Being written"),
}
_FINAL = {
    frozenset({FieldDecision.APPROVED}): Badge("check", "good", "Written"),
    frozenset({FieldDecision.REJECTED}): Badge("cross", "", "Rejected"),
    frozenset({FieldDecision.SUPERSEDED}): Badge("newer", "", "Superseded"),
    frozenset({FieldDecision.WITHDRAWN}): Badge("gone", "", "Withdrawn"),
}
