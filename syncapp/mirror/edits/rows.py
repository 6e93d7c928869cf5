"""One page of the CRM's rows → our tables. Writes only columns that the CRM owns, and withdraws what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.staging.records import StagedField, StagedRecord, Unreadable
from syncapp.mirror import fitting, unreadable, upserts
from syncapp.mirror.edits import recognition, search_words
from syncapp.mirror.unreadable import Kind
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.folding import search_key, searchable
from syncapp.models.locking import lock, locked
from syncapp.models.mirror.change_kind import ChangeKind, kind_of
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery, SyncFieldQuerySet
from syncapp.models.mirror.sync_record import REVIEWED_TABLE
from syncapp.models.review.decision import DecisionState
from syncapp.text.ids import parse_uuid

CHUNK = 250
Item = TypeVar("Item")


@dataclass(slots=True)
class Stored:
    """What one page changed: `records` may supersede, `uncounted` need their counts.

    `hidden`: edits that are not shown yet. `readable`: edits that are shown, and could not be read until now.
    """

    new: int = 0
    withdrawn: int = 0
    recognized: int = 0
    records: set[UUID] = field(default_factory=set)
    uncounted: set[UUID] = field(default_factory=set)
    hidden: set[UUID] = field(default_factory=set)
    readable: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Held:
    """An edit as it was before this page: the company's name comes from elsewhere and stays."""

    is_hidden: bool
    is_filled: bool
    unreadable: str
    company: str
    search_words: str


def chunks(rows: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Short transactions where the database has one writer; one page at once where it has many."""
    size = CHUNK if connection.vendor == "sqlite" else max(len(rows), 1)
    return (rows[start : start + size] for start in range(0, max(len(rows), 1), size))


def store_records(rows: Sequence[StagedRecord], *, generation: int) -> Stored:
    """Insert or fill the edits; those that were reviewed before we ever held them are left out.

    An edit of which we recognized a field has a stub by now, so it is held. What is new, or was a stub, stays hidden
    until `showing.show`.
    """
    rows = [_set_aside_other_table(row) for row in rows]
    held = _held({row.id for row in rows})
    complete = {pk for pk, record in held.items() if record.is_filled and not record.unreadable}
    unreadable_before = {pk for pk, record in held.items() if record.unreadable}
    kept = [row for row in rows if row.id in held or row.state == 0]
    told = [_record(row, generation, held.get(row.id)) for row in kept]
    fitting.fit(SyncRecord, told)
    bad = _set_aside(SyncRecord, Kind.EDIT, told, complete | unreadable_before, generation=generation)
    taken = [row for row in told if row["id"] not in bad.held]
    words = {row["id"]: _words(row, held.get(row["id"])) for row in taken}
    upserts.upsert(SyncRecord, [{**row, "search_words": words[row["id"]]} for row in taken])
    search_words.add(words, {pk: record.search_words for pk, record in held.items()})
    shown = {row["id"] for row in told if not row["is_stub"]}
    return Stored(
        new=sum(row.id not in held for row in kept),
        records={row.id for row in kept},
        uncounted=shown & (bad.all | unreadable_before),
        hidden={row.id for row in kept} - shown,
        readable={row["id"] for row in told if row["crm_state"] == 0} & shown & unreadable_before - bad.all,
    )


_STILL_READ = ("unreadable", "crm_state", "crm_decision", "crm_decision_id", "generation")


@dataclass(frozen=True, slots=True)
class _SetAside:
    """The ids of rows that could not be read: all of them, and those of which we hold the values as they were."""

    all: set[UUID]
    held: set[UUID]


def _set_aside(
    model: type[SyncField] | type[SyncRecord],
    kind: Kind,
    told: Sequence[upserts.Row],
    complete: Collection[UUID],
    *,
    generation: int,
) -> _SetAside:
    """Register the open rows that could not be read. Of `complete` ones, read before, the values stay as they were."""
    bad = {row["id"]: row for row in told if row["unreadable"]}
    found = [Unreadable(str(pk), row["unreadable"]) for pk, row in bad.items() if row["crm_state"] == 0]
    registered = {each.row_id for each in found}
    settled = [row["id"] for row in told if str(row["id"]) not in registered]
    unreadable.register(kind, found, readable=settled, generation=generation)
    held = bad.keys() & set(complete)
    if held:
        lock(model._default_manager.filter(pk__in=[row["id"] for row in told]))
    for pk in sorted(held):
        news = {name: bad[pk][name] for name in _STILL_READ if name in bad[pk]}
        model._default_manager.filter(pk=pk).update(**news)
    return _SetAside(set(bad), held)


def _words(row: upserts.Row, held: _Held | None) -> str:
    return searchable(row["name"], row["editor_name"], held.company if held else "")


def _set_aside_other_table(row: StagedRecord) -> StagedRecord:
    """Return the edit as unreadable if it is of another table than the reviewed one; an empty name means that table."""
    if row.problem or row.target_table in ("", REVIEWED_TABLE):
        return row
    return replace(row, problem=f"This edit is of a table that the portal does not review: {row.target_table}.")


def _contact_of(row: StagedRecord) -> UUID | None:
    return row.target_id or row.contact_id


def _held(ids: Collection[UUID]) -> dict[UUID, _Held]:
    """Return the stored columns of these edits, locked: a company's name that is kept meanwhile would be lost."""
    rows = locked(SyncRecord.objects.filter(pk__in=ids))
    return {
        row.pk: _Held(
            is_hidden=row.is_stub,
            is_filled=row.target_id is not None,
            unreadable=row.unreadable,
            company=row.company or "",
            search_words=row.search_words or "",
        )
        for row in rows.only("is_stub", "target_id", "unreadable", "company", "search_words")
    }


def _record(row: StagedRecord, generation: int, held: _Held | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name or ("Unreadable edit" if row.problem else ""),
        "target_table": row.target_table or REVIEWED_TABLE,
        "target_id": _contact_of(row),
        "editor_id": row.editor_id,
        "editor_name": row.editor_name,
        "edited_on": row.edited_on,
        "operation_id": row.operation_id,
        "crm_state": row.state,
        "version": row.version,
        "generation": generation,
        "is_stub": held is None or held.is_hidden or (_contact_of(row) is None and not row.problem),
        "unreadable": row.problem,
        "name_key": search_key(row.name),
        "editor_key": search_key(row.editor_name),
    }


def store_fields(rows: Sequence[StagedField], *, generation: int, own_user: UUID | None = None) -> Stored:
    """Insert or refresh the fields, with a stub for a parent that has not arrived; withdraw what was decided there.

    A stub is counted when it is shown, so only parents that are shown are among the returned `records`. What
    `own_user`, the portal's own in the CRM, decided is never withdrawn, nor left out where we never held it.
    """
    known = list(SyncField.objects.filter(pk__in=[row.id for row in rows]).values_list("pk", "decision", "version"))
    held = {pk: decision for pk, decision, _ in known}
    # The first version tells which of two edits in one second is newer; our own mark raises it later.
    staged = {pk: version for pk, _, version in known}
    ours = {row.id for row in rows if recognition.is_ours(row, own_user=own_user)}
    known_here = held.keys() | ours
    kept = [row for row in rows if row.record_id is not None and (row.id in known_here or row.state == 0)]
    parents = sorted({row.record_id for row in kept if row.record_id})
    upserts.insert_missing(SyncRecord, [{"id": pk, "is_stub": True} for pk in parents])
    told = [_field(row, generation, staged.get(row.id, row.version)) for row in kept]
    fitting.fit(SyncField, told)
    bad = _set_aside(SyncField, Kind.FIELD, told, held, generation=generation)
    upserts.upsert(SyncField, [row for row in told if row["id"] not in bad.held])
    _note_orphans(rows, generation=generation)
    new = (row for row in kept if row.id not in held)
    search_words.add_addresses((row.record_id, (row.original, row.proposed)) for row in new if row.record_id)
    # Only the puller shows an edit, and there is one at a time.
    shown = set(SyncRecord.objects.shown().filter(pk__in=parents).values_list("pk", flat=True))
    stored = Stored(new=sum(row.id not in held for row in kept), records=shown, uncounted=shown)
    stored.recognized = recognition.recognize([row for row in kept if row.id in ours], own_user=own_user)
    stored.withdrawn = _withdraw_decided([row for row in kept if row.id in held and row.state != 0], held)
    _reopen([row for row in kept if row.id in held and row.state == 0], held)
    return stored


def _note_orphans(rows: Sequence[StagedField], *, generation: int) -> None:
    """Register open fields of which not even the edit can be read that they belong to: no page can show them."""
    lost = [Unreadable(str(row.id), row.problem) for row in rows if row.problem and not row.record_id and not row.state]
    if lost:
        unreadable.register(Kind.FIELD, lost, generation=generation)


def _field(row: StagedField, generation: int, version: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "record_id": row.record_id,
        "column_name": row.column,
        "original_value": row.original,
        "proposed_value": row.proposed,
        "original_label": row.original_label,
        "proposed_label": row.proposed_label,
        "change_kind": (ChangeKind.OTHER if row.problem else kind_of(row.column, row.original, row.proposed)).value,
        "crm_decision": row.decision,
        "crm_decision_id": row.decision_id,
        "crm_state": row.state,
        "version": version,
        "generation": generation,
        "unreadable": row.problem,
    }


def _withdraw_decided(rows: Sequence[StagedField], held: Mapping[UUID, str]) -> int:
    """Fields that somebody decided in the CRM, as far as that was not ourselves."""
    candidates = {row.id: parse_uuid(row.decision_id) for row in rows if held[row.id] != FieldDecision.WITHDRAWN}
    if not candidates:
        return 0
    # With its field, as our id on another row was copied there by hand.
    marks = Decision.objects.filter(pk__in=[mark for mark in candidates.values() if mark])
    ours = set(marks.values_list("field_id", "pk"))
    decided_there = [pk for pk, mark in candidates.items() if (pk, mark) not in ours]
    if not decided_there:
        return 0
    return withdraw(SyncField.objects.filter(pk__in=decided_there), why="decided_in_the_crm")


def _reopen(rows: Sequence[StagedField], held: Mapping[UUID, str]) -> None:
    """A row that we had withdrawn is open in the CRM: it waits again."""
    again = [row.id for row in rows if held[row.id] == FieldDecision.WITHDRAWN]
    SyncField.objects.filter(pk__in=again, decision=FieldDecision.WITHDRAWN).update(
        decision=FieldDecision.PENDING,
        delivery=FieldDelivery.NONE,
        revision=F("revision") + 1,
        finished_at=None,
    )


def withdraw(fields: SyncFieldQuerySet, *, why: str) -> int:
    """Withdraw undecided and failed fields. One with a decision of ours on its way is left to its delivery."""
    rows = list(
        fields.open().exclude(decisions__state__in=[DecisionState.OPEN, DecisionState.BOUND]).order_by("pk").distinct()
    )
    gone = {"decision": FieldDecision.WITHDRAWN, "delivery": FieldDelivery.NONE, "trouble": "", "finished_at": Now()}
    for row in rows:
        if SyncField.objects.open().filter(pk=row.pk, revision=row.revision).update(**gone, revision=F("revision") + 1):
            failed = Decision.objects.filter(field=row, state=DecisionState.FAILED)
            failed.update(state=DecisionState.WITHDRAWN, finished_at=Now())
            audit.record(
                "field.withdrawn",
                by=None,
                channel="mirror",
                record_id=row.record_id,
                field_id=row.pk,
                column=row.column_name,
                details={"why": why},
            )
    return len(rows)
