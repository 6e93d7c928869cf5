"""What every step of a decision shares: the locked fields, the new Decisions, the move, the delivery, the audit."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit, preferences
from syncapp.jobs import deliveries
from syncapp.models import Decision, Person, Rule, SyncField, SyncRecord, locking
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.review import decision_log, four_eyes
from syncapp.review.errors import (
    AlreadyDecided,
    EditorUnidentified,
    EditorUnknown,
    NotPossible,
    OwnEdit,
    ReviewError,
)
from syncapp.review.four_eyes import BlockReason, Editors

Decider = Person | Rule
EDIT_IS_GONE = "This edit is no longer here."


def digest(field: SyncField) -> str:
    """A digest of everything about a field that a decision rests on; the form carries it."""
    parts = [
        str(field.pk),
        str(field.version),
        str(field.revision),
        field.decision,
        field.delivery,
        repr(field.original_value),
        repr(field.proposed_value),
        repr(field.expected_value),
        *filter(None, [field.contact_state]),
    ]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def lock_field(field_id: uuid.UUID) -> SyncField:
    field = locking.locked(SyncField.objects.select_related("record").filter(pk=field_id)).first()
    if field is None or field.record.is_stub:
        raise NotPossible(EDIT_IS_GONE)
    return field


def check_readable(field: SyncField) -> None:
    """Raise NotPossible for a change that nobody could have seen."""
    if field.unreadable or field.record.unreadable:
        raise NotPossible("This change cannot be read, so it cannot be decided here.", field=field)


def lock_fields(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, SyncField]:
    """Those of these fields that are here; what can be decided is locked, in the order of the ids.

    What cannot be decided is only read, so that nobody waits for a worker that settles it.
    """
    rows = SyncField.objects.select_related("record").filter(pk__in=ids, record__is_stub=False)
    found = {field.pk: field for field in locking.locked(rows.open())}
    others = set(ids) - found.keys()
    return found | ({field.pk: field for field in rows.filter(pk__in=others)} if others else {})


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What the decisions of one submit share, read once after their fields were locked."""

    now: datetime
    versions: Mapping[uuid.UUID, int]
    failed: frozenset[uuid.UUID]
    editors: Editors


def load_context(fields: Collection[SyncField]) -> DecisionContext | None:
    """The database's time, each field's newest decision and whether it failed, who edited; None without fields."""
    wanted = ("pk", "decisions__version", "decisions__state", Now())
    rows = list(SyncField.objects.filter(pk__in=[field.pk for field in fields]).values_list(*wanted))
    if not rows:
        return None
    versions: dict[uuid.UUID, int] = {}
    for pk, version, _, _ in rows:
        versions[pk] = max(versions.get(pk, 0), version or 0)
    failed = frozenset(pk for pk, _, state, _ in rows if state == DecisionState.FAILED)
    return DecisionContext(
        rows[0][3], versions, failed, four_eyes.load_editors(field.record.editor_id for field in fields)
    )


def already_decided_message(field: SyncField, *, reader: Person | None = None) -> str:
    """Why a decision was not used; with `reader`, words for that person alone, who may have two windows open."""
    last = field.decisions.select_related("decided_by", "rule").order_by("-version").first()
    word = FieldDecision(field.decision).label
    if last is None or not last.decider:
        return f"{word} meanwhile; yours was not used."
    if reader is not None and last.decided_by_id == reader.pk:
        return f"{word} by you meanwhile; this one was not used."
    return f"{word} by {last.decider} meanwhile; yours was not used."


def new_decision(field: SyncField, grounds: DecisionContext, *, by: Decider, **columns_of_it: Any) -> Decision:
    """Return the next decision about this field, not stored yet: due after the undo window. Raises ReviewError."""
    return Decision(
        field=field,
        version=grounds.versions[field.pk] + 1,
        target_table=field.record.target_table,
        target_id=field.record.contact,
        decided_by=by if isinstance(by, Person) else None,
        rule=by if isinstance(by, Rule) else None,
        decided_at=grounds.now,
        due_at=grounds.now + timedelta(seconds=preferences.read().undo_window),
        **_four_eyes(field, grounds, by=by),
        **columns_of_it,
    )


def _four_eyes(field: SyncField, grounds: DecisionContext, *, by: Decider) -> dict[str, Any]:
    """Return the columns by which the database, too, refuses decisions about one's own edits."""
    editor_id, editors = field.record.editor_id, grounds.editors
    bar = editors.bar(editor_id, four_eyes.deciders(by))
    if bar is not None:
        raise _barred(bar, field)
    allowed = editors.anyone and editors.is_unidentified(editor_id)
    return {
        "four_eyes": editors.is_on,
        "decider_oid": by.oid,
        "editor_oid": editors.entra_id(editor_id),
        "unidentified_allowed": allowed,
    }


def _barred(bar: BlockReason, field: SyncField) -> ReviewError:
    if bar is BlockReason.UNREAD:
        return EditorUnknown(
            "The editor of this change has not been read from the CRM yet. Try again shortly.", field=field
        )
    if bar is BlockReason.OWN:
        return OwnEdit("This is your own edit; another reviewer decides it.", field=field)
    name = field.record.editor_name or "The editor"
    return EditorUnidentified(
        f"{name} has no Entra id in the CRM, so this could be your own edit. "
        "An administrator can let any reviewer decide such edits, under Settings, Review.",
        field=field,
    )


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """The result of one submit: what was taken, and per field what was not and why."""

    taken: tuple[Decision, ...]
    refused: tuple[ReviewError, ...]


def save_and_enqueue(
    decisions: Sequence[Decision], grounds: DecisionContext, *, by: Decider, channel: str, group: uuid.UUID
) -> DecisionResult:
    """Move each field by compare-and-set, and store with those that moved all that belongs to it, in few statements."""
    taken, refused = [], []
    for each in decisions:
        try:
            move_field(each.field, decision=FieldDecision(each.outcome), delivery=FieldDelivery.WAITING, trouble="")
            taken.append(each)
        except AlreadyDecided as error:
            refused.append(error)
    _store(taken, grounds)
    person = by if isinstance(by, Person) else None
    audit.record_all([_fact_of(each, grounds, by=person, channel=channel, group=group) for each in taken])
    SyncRecord.objects.recount({each.field.record_id for each in taken})
    decision_log.log_decided(taken)
    return DecisionResult(tuple(taken), tuple(refused))


def _store(decisions: Sequence[Decision], grounds: DecisionContext) -> None:
    failed = [each.field_id for each in decisions if each.field_id in grounds.failed]
    if failed:
        before = Decision.objects.filter(field__in=failed, state=DecisionState.FAILED)
        before.update(state=DecisionState.REPLACED, finished_at=Now())
    Decision.objects.bulk_create(decisions)
    deliveries.ensure_deliveries(decisions)


def _fact_of(decision: Decision, grounds: DecisionContext, **told: Any) -> audit.Fact:
    field = decision.field
    return audit_fact(
        f"field.{decision.kind}.{decision.outcome}",
        decision,
        details={"corrected": decision.is_corrected, "after_failure": field.pk in grounds.failed}
        | _unidentified(decision),
        before=decision.expected_value,
        after=decision.value_to_write if decision.writes else field.proposed_value,  # or what was refused
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
        **told,
    )


def _unidentified(decision: Decision) -> dict[str, bool]:
    return {"editor_unidentified": True} if decision.four_eyes and decision.unidentified_allowed else {}


def move_field(field: SyncField, **columns_of_it: Any) -> None:
    """Move a field from exactly the state that was read to another. Raises AlreadyDecided where it had moved."""
    where = SyncField.objects.filter(pk=field.pk, revision=field.revision)
    if where.update(revision=F("revision") + 1, **columns_of_it) != 1:
        raise AlreadyDecided(already_decided_message(field), field=field)
    for name, value in {"revision": field.revision + 1, **columns_of_it}.items():
        setattr(field, name, value)


def audit_fact(
    action: str,
    decision: Decision,
    *,
    by: Person | None,
    channel: str,
    details: Mapping[str, Any] | None = None,
    **more: Any,
) -> audit.Fact:
    """The audit entry of a step that was taken with `decision`."""
    field = decision.field
    rule = {"rule": str(decision.rule_id)} if decision.rule_id else {}
    return audit.Fact(
        action,
        by=by,
        channel=channel,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name} | rule | dict(details or {}),
        **more,
    )
