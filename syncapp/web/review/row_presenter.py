"""The rows of the queue: contact, fields and state of each edit."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncapp.crm.staging.records import Column
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.review import earlier_rejections
from syncapp.review.bulk.warnings import is_changed_in_crm
from syncapp.review.queue.criteria import overdue_before
from syncapp.text import localization
from syncapp.web.base import holds, times
from syncapp.web.base.holds import HoldReason
from syncapp.web.review.field_presenter import UNKNOWN_FIELD, WRITING_STATES
from syncapp.web.review.outcomes import REVOKED, may_undo

MAX_LABELS = 3
ColumnsOf = Callable[[str], Mapping[str, Column]]


@dataclass(frozen=True, slots=True)
class Badge:
    """The state of an edit. `phase` names a state that ends by itself, and `seconds_left` is the time until then."""

    icon: str
    tone: str
    text: str
    phase: str = ""
    seconds_left: int | None = None


@dataclass(frozen=True, slots=True)
class RowPresenter:
    """One edit in the list. `key` is its id, converted to text once because a row uses it seven times."""

    record: SyncRecord
    key: str
    labels: tuple[str, ...]
    count: int
    undecided: int
    hint: str
    badge: Badge | None
    is_current: bool
    is_overdue: bool
    is_selectable: bool
    was_rejected_before: bool

    @property
    def is_partly_decided(self) -> bool:
        """Return whether some fields are decided; the row then names the others."""
        return 0 < self.undecided < self.count

    @property
    def unnamed_count(self) -> int:
        """Return how many fields the row does not name."""
        return (self.undecided if self.is_partly_decided else self.count) - len(self.labels)

    @property
    def phase(self) -> str:
        """Return the passing state, as the list's next poll sends it."""
        return self.badge.phase if self.badge else ""


def present_rows(
    records: Sequence[SyncRecord], columns_of: ColumnsOf, *, current: SyncRecord | None, person: Person | None = None
) -> list[RowPresenter]:
    """Return the rows of these edits with one query, however many they are, and without a request to the CRM.

    Earlier rejections cost three more queries, decisions in progress one, live values one, and the reason that holds
    decisions two.
    """
    fields = _fields_of(records)
    changed = _changed_in_crm(records, fields, columns_of)
    rejected_before = _rejected_before(fields)
    sent = [field for own in fields.values() for field in own if field.delivery in WRITING_STATES]
    ids = [field.pk for field in sent if field.decision != FieldDecision.SUPERSEDED]
    under_way = Decision.objects.filter(field__in=ids).exclude(state__in=REVOKED).order_by("version")
    decisions = {each.field_id: each for each in under_way} if ids else {}
    overdue, held = overdue_before(), holds.cached_reason()

    def present(record: SyncRecord) -> RowPresenter:
        own, known = fields[record.pk], columns_of(record.target_table)
        undecided = [field for field in own if field.decision == FieldDecision.PENDING]
        names = [field.column_name for field in undecided or own]
        labels = (known[name].label if name in known else name or UNKNOWN_FIELD for name in names)
        kinds = {field.change_kind for field in own}
        kind = ChangeKind(kinds.pop()) if len(kinds) == 1 else ChangeKind.OTHER  # the kind that all fields share
        is_waiting = record.waiting_count > 0
        is_old = overdue is not None and record.edited_on is not None and record.edited_on < overdue
        return RowPresenter(
            record=record,
            key=str(record.pk),
            labels=tuple(shorten_prefixes(sorted(labels, key=search_key)[:MAX_LABELS])),
            count=len(own),
            undecided=len(undecided),
            hint="" if kind is ChangeKind.OTHER else kind.label.lower(),
            badge=_badge(own, undecided, decisions, person=person, held=held, is_unreadable=bool(record.unreadable))
            or (CHANGED_IN_CRM if record.pk in changed else None)
            or (None if record.is_restored or not undecided else NOT_RESTORED)
            or _parked_badge(record),
            is_current=current is not None and current.pk == record.pk,
            is_overdue=is_waiting and is_old and not record.is_parked,
            is_selectable=is_waiting,
            was_rejected_before=any(field.pk in rejected_before for field in own),
        )

    return [present(record) for record in records]


def _fields_of(records: Sequence[SyncRecord]) -> Mapping[uuid.UUID, list[SyncField]]:
    found: dict[uuid.UUID, list[SyncField]] = defaultdict(list)
    wanted = ("id", "record_id", "column_name", "decision", "delivery", "change_kind", "unreadable", "crm_now_read_at")
    rows = SyncField.objects.filter(record__in=records).only(*wanted)
    for field in rows.annotate(maybe_rejected=earlier_rejections.rejected_before_condition()):
        found[field.record_id].append(field)
    return found


def _rejected_before(fields: Mapping[uuid.UUID, list[SyncField]]) -> Collection[uuid.UUID]:
    """Return the fields whose value was rejected before, without a query if no column ever had a rejection."""
    candidates = [
        field.pk
        for row_fields in fields.values()
        for field in row_fields
        if field.is_undecided and field.maybe_rejected  # type: ignore[attr-defined]  # annotated by _fields_of
    ]
    if not candidates:
        return ()
    return earlier_rejections.find(list(SyncField.objects.filter(pk__in=candidates).select_related("record"))).keys()


def _changed_in_crm(
    records: Sequence[SyncRecord], fields: Mapping[uuid.UUID, list[SyncField]], columns_of: ColumnsOf
) -> Collection[uuid.UUID]:
    """Return the edits with an undecided field whose value in the CRM, as last read, differs from what staging left."""
    records_by_id = {record.pk: record for record in records}
    read = [
        each.pk
        for row_fields in fields.values()
        for each in row_fields
        if each.decision == FieldDecision.PENDING and each.crm_now_read_at is not None
    ]
    found = set()
    for field in SyncField.objects.filter(pk__in=read) if read else ():
        field.record = records_by_id[field.record_id]
        if is_changed_in_crm(field, columns_of(field.record.target_table).get(field.column_name)):
            found.add(field.record_id)
    return found


def shorten_prefixes(labels: Sequence[str]) -> Iterator[str]:
    """Yield the labels, naming a shared prefix once: "Address 1: Street 1", "City"."""
    before = ""
    for label in labels:
        prefix, colon, own = label.partition(": ")
        yield own if colon and prefix == before else label
        before = prefix if colon else ""


def _badge(
    fields: Sequence[SyncField],
    undecided: Sequence[SyncField],
    decisions: Mapping[uuid.UUID, Decision],
    *,
    person: Person | None,
    held: HoldReason,
    is_unreadable: bool,
) -> Badge | None:
    """Return the most serious state among an edit's fields; None if undecided fields only wait."""
    if any(is_unreadable or field.unreadable for field in undecided):
        return Badge("alert", "bad", "Cannot be read")
    deliveries = {field.delivery for field in fields}
    for delivery, found in _SERIOUS.items():
        if delivery in deliveries:
            return found
    under_way = [(field, decisions[field.pk]) for field in fields if field.pk in decisions]
    if under_way:
        waiting = [decision for field, decision in under_way if field.delivery == FieldDelivery.WAITING]
        in_window = [each for each in waiting if each.state == DecisionState.OPEN and times.seconds_left(each.due_at)]
        if in_window:
            left = max(times.seconds_left(each.due_at) for each in in_window)
            if person is not None and any(may_undo(each, person) for each in in_window):
                return Badge("undo", "accent", f"Undo {left} s", phase="undo", seconds_left=left)
            word = "Written" if any(each.writes for each in in_window) else "Final"
            return Badge("clock", "accent", f"{word} in {left} s", phase="undo", seconds_left=left)
        if len(waiting) == len(under_way) and held():
            return Badge("pause", "warn", f"Held: {held()}", phase="held")
        writes = any(decision.writes for _, decision in under_way)
        return Badge("clock", "accent", "Being written" if writes else "Being rejected", phase="writing")
    if not fields or undecided:
        return None
    return _FINAL.get(frozenset(FieldDecision(field.decision) for field in fields), Badge("check", "", "Decided"))


def _parked_badge(record: SyncRecord) -> Badge | None:
    if not record.is_parked or record.parked_until is None:
        return None
    return Badge("clock", "none", f"Parked until {localization.day_and_month(record.parked_until)}")


CHANGED_IN_CRM = Badge("split", "warn", "Changed in CRM")
NOT_RESTORED = Badge("alert", "warn", "Not restored")
_SERIOUS = {
    FieldDelivery.CONFLICT: Badge("split", "warn", "Conflict"),
    FieldDelivery.FAILED: Badge("stop-sign", "bad", "Not written"),
}
_FINAL = {
    frozenset({FieldDecision.APPROVED}): Badge("check", "good", "Written"),
    frozenset({FieldDecision.REJECTED}): Badge("cross", "", "Rejected"),
    frozenset({FieldDecision.SUPERSEDED}): Badge("newer", "", "Superseded"),
    frozenset({FieldDecision.WITHDRAWN}): Badge("gone", "", "Withdrawn"),
}
