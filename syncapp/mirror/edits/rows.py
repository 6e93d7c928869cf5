"""Storage of pages of staged rows. Writes only columns that the CRM owns, and withdraws fields that are gone."""

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
from syncapp.models.mirror.sync_record import REVIEWED_TABLE, table_problem
from syncapp.models.review.decision import DecisionState
from syncapp.text.ids import parse_uuid

CHUNK = 250
Item = TypeVar("Item")


@dataclass(slots=True)
class StoreResult:
    """The changes made by storing one page: `records` may supersede others, `uncounted` must be recounted.

    `hidden` edits are not visible yet; `readable` ones are visible and were unreadable until now.
    """

    new: int = 0
    withdrawn: int = 0
    recognized: int = 0
    records: set[UUID] = field(default_factory=set)
    uncounted: set[UUID] = field(default_factory=set)
    hidden: set[UUID] = field(default_factory=set)
    readable: set[UUID] = field(default_factory=set)


def split_chunks(rows: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Split a page for short transactions on SQLite, which has one writer; otherwise the page stays whole."""
    size = CHUNK if connection.vendor == "sqlite" else max(len(rows), 1)
    return (rows[start : start + size] for start in range(0, max(len(rows), 1), size))


def store_records(rows: Sequence[StagedRecord], *, generation: int) -> StoreResult:
    """Insert or update the edits, except those that were reviewed before we stored them.

    An edit with a recognized field already has a stub, so it counts as stored. New edits and stubs stay hidden until
    `visibility.show`.
    """
    # Edits in tables that the portal does not review count as unreadable.
    rows = [replace(row, problem=row.problem or table_problem(row.target_table)) for row in rows]
    # The rows are locked, so that no company name is lost that another read stores at the same time.
    held = locked(SyncRecord.objects.filter(pk__in={row.id for row in rows}))
    columns = held.only("is_stub", "target_id", "unreadable", "company", "search_words")
    stored = {record.pk: record for record in columns}
    complete = {pk for pk, record in stored.items() if record.target_id is not None and not record.unreadable}
    unreadable_before = {pk for pk, record in stored.items() if record.unreadable}
    kept = [row for row in rows if row.id in stored or row.state == 0]
    values = [_record_values(row, generation, stored.get(row.id)) for row in kept]
    fitting.fit(SyncRecord, values)
    bad = _register_unreadable(SyncRecord, Kind.EDIT, values, complete | unreadable_before, generation=generation)
    updated = [row for row in values if row["id"] not in bad.unchanged]
    words: dict[UUID, str] = {}
    for row in updated:
        company = stored[row["id"]].company if row["id"] in stored else None
        words[row["id"]] = searchable(row["name"], row["editor_name"], company or "")
    upserts.upsert(SyncRecord, [{**row, "search_words": words[row["id"]]} for row in updated])
    search_words.add(words, {pk: record.search_words or "" for pk, record in stored.items()})
    visible = {row["id"] for row in values if not row["is_stub"]}
    return StoreResult(
        new=sum(row.id not in stored for row in kept),
        records={row.id for row in kept},
        uncounted=visible & (bad.all | unreadable_before),
        hidden={row.id for row in kept} - visible,
        readable={row["id"] for row in values if row["crm_state"] == 0} & visible & unreadable_before - bad.all,
    )


# The columns that are updated although the row as a whole could not be read.
_STATUS_COLUMNS = ("unreadable", "crm_state", "crm_decision", "crm_decision_id", "generation")


@dataclass(frozen=True, slots=True)
class _UnreadableRows:
    """The ids of unreadable rows: all of them, and those whose earlier values stay stored."""

    all: set[UUID]
    unchanged: set[UUID]


def _register_unreadable(
    model: type[SyncField] | type[SyncRecord],
    kind: Kind,
    values: Sequence[upserts.Row],
    complete: Collection[UUID],
    *,
    generation: int,
) -> _UnreadableRows:
    """Register open rows that could not be read; `complete` ones, which were read before, keep their values."""
    bad = {row["id"]: row for row in values if row["unreadable"]}
    found = [Unreadable(str(pk), row["unreadable"]) for pk, row in bad.items() if row["crm_state"] == 0]
    registered = {each.row_id for each in found}
    others = [row["id"] for row in values if str(row["id"]) not in registered]
    unreadable.register(kind, found, readable=others, generation=generation)
    unchanged = bad.keys() & set(complete)
    if unchanged:
        lock(model._default_manager.filter(pk__in=[row["id"] for row in values]))
    for pk in sorted(unchanged):
        status = {name: bad[pk][name] for name in _STATUS_COLUMNS if name in bad[pk]}
        model._default_manager.filter(pk=pk).update(**status)
    return _UnreadableRows(set(bad), unchanged)


def _record_values(row: StagedRecord, generation: int, stored: SyncRecord | None) -> dict[str, Any]:
    contact_id = row.target_id or row.contact_id
    return {
        "id": row.id,
        "name": row.name or ("Unreadable edit" if row.problem else ""),
        "target_table": row.target_table or REVIEWED_TABLE,
        "target_id": contact_id,
        "editor_id": row.editor_id,
        "editor_name": row.editor_name,
        "edited_on": row.edited_on,
        "operation_id": row.operation_id,
        "source": row.source,
        "is_restored": row.is_restored,
        "crm_state": row.state,
        "version": row.version,
        "generation": generation,
        "is_stub": stored is None or stored.is_stub or (contact_id is None and not row.problem),
        "unreadable": row.problem,
        "name_key": search_key(row.name),
        "editor_key": search_key(row.editor_name),
    }


def store_fields(rows: Sequence[StagedField], *, generation: int, own_user: UUID | None = None) -> StoreResult:
    """Insert or update the fields, with stubs for missing parents; withdraw fields that were decided in the CRM.

    A stub is counted once it is shown, so only visible parents are among the returned `records`. Decisions by
    `own_user`, the portal's user in the CRM, are never withdrawn, and are stored even if the field is new to us.
    """
    known = list(SyncField.objects.filter(pk__in=[row.id for row in rows]).values_list("pk", "decision", "version"))
    decisions = {pk: decision for pk, decision, _ in known}
    # Keep the first version: it orders two edits made within one second, and our own mark later raises the row's
    # version.
    versions = {pk: version for pk, _, version in known}
    ours = {row.id for row in rows if recognition.is_ours(row, own_user=own_user)}
    relevant = decisions.keys() | ours
    kept = [row for row in rows if row.record_id is not None and (row.id in relevant or row.state == 0)]
    parents = sorted({row.record_id for row in kept if row.record_id})
    upserts.insert_missing(SyncRecord, [{"id": pk, "is_stub": True} for pk in parents])
    values = [_field_values(row, generation, versions.get(row.id, row.version)) for row in kept]
    fitting.fit(SyncField, values)
    bad = _register_unreadable(SyncField, Kind.FIELD, values, decisions, generation=generation)
    upserts.upsert(SyncField, [row for row in values if row["id"] not in bad.unchanged])
    # Open fields whose edit cannot be read either: no page can show them.
    orphans = [row for row in rows if row.problem and not row.record_id and not row.state]
    if orphans:
        found = [Unreadable(str(row.id), row.problem) for row in orphans]
        unreadable.register(Kind.FIELD, found, generation=generation)
    new = [row for row in kept if row.id not in decisions]
    search_words.add_addresses((row.record_id, (row.original, row.proposed)) for row in new if row.record_id)
    # The visible edits stay the same within the transaction, because only the puller shows edits, one at a time.
    visible = set(SyncRecord.objects.visible().filter(pk__in=parents).values_list("pk", flat=True))
    result = StoreResult(new=len(new), records=visible, uncounted=visible)
    result.recognized = recognition.recognize([row for row in kept if row.id in ours], own_user=own_user)
    known_rows = [row for row in kept if row.id in decisions]
    result.withdrawn = _withdraw_decided([row for row in known_rows if row.state != 0], decisions)
    # A withdrawn field that is open in the CRM again returns to the queue.
    reopened = [row.id for row in known_rows if row.state == 0 and decisions[row.id] == FieldDecision.WITHDRAWN]
    SyncField.objects.filter(pk__in=reopened, decision=FieldDecision.WITHDRAWN).update(
        decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE, revision=F("revision") + 1, finished_at=None
    )
    return result


def _field_values(row: StagedField, generation: int, version: int) -> dict[str, Any]:
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


def _withdraw_decided(rows: Sequence[StagedField], decisions: Mapping[UUID, str]) -> int:
    """Withdraw fields that were decided in the CRM by anyone but the portal; return how many."""
    candidates = {row.id: parse_uuid(row.decision_id) for row in rows if decisions[row.id] != FieldDecision.WITHDRAWN}
    if not candidates:
        return 0
    # An id counts only on its own field; on another row it was copied by hand.
    marks = Decision.objects.filter(pk__in=[mark for mark in candidates.values() if mark])
    ours = set(marks.values_list("field_id", "pk"))
    decided_there = [pk for pk, mark in candidates.items() if (pk, mark) not in ours]
    if not decided_there:
        return 0
    return withdraw(SyncField.objects.filter(pk__in=decided_there), why="decided_in_the_crm")


def withdraw(fields: SyncFieldQuerySet, *, why: str) -> int:
    """Withdraw undecided and failed fields, except those with a decision in delivery; return how many there were."""
    rows = list(
        fields.open().exclude(decisions__state__in=[DecisionState.OPEN, DecisionState.BOUND]).order_by("pk").distinct()
    )
    withdrawn = {
        "decision": FieldDecision.WITHDRAWN,
        "delivery": FieldDelivery.NONE,
        "trouble": "",
        "finished_at": Now(),
    }
    for row in rows:
        if (
            SyncField.objects.open()
            .filter(pk=row.pk, revision=row.revision)
            .update(**withdrawn, revision=F("revision") + 1)
        ):
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
