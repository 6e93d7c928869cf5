"""What every step of a decision shares: the locked field, the new Decision, the move, the delivery, the audit entry."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from syncapp import audit, deliveries
from syncapp.models import AuditEntry, CrmUser, Decision, Person, Rule, SyncField, SyncRecord
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review.errors import AlreadyDecided, EditorUnknown, NotPossible, OwnEdit

Decider = Person | Rule


def seen(field: SyncField) -> str:
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
    ]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def locked(field_id: uuid.UUID) -> SyncField:
    field = SyncField.objects.select_for_update(of=("self",)).select_related("record").filter(pk=field_id).first()
    if field is None or field.record.is_stub:
        raise NotPossible("This edit is no longer here.")
    return field


def who_was_first(field: SyncField) -> str:
    last = field.decisions.select_related("decided_by", "rule").order_by("-version").first()
    word = FieldDecision(field.decision).label
    if last is None or not last.decider:
        return f"{word} meanwhile; yours was not used."
    return f"{word} by {last.decider} meanwhile; yours was not used."


def new_decision(field: SyncField, *, by: Decider, **columns_of_it: Any) -> Decision:
    newest = field.decisions.aggregate(newest=Max("version"))["newest"] or 0
    editor_oid = _editor_oid(field, by=by) if settings.FOUR_EYES else None
    try:
        with transaction.atomic():
            return Decision.objects.create(
                field=field,
                version=newest + 1,
                target_table=field.record.target_table,
                target_id=field.record.contact,
                decided_by=by if isinstance(by, Person) else None,
                rule=by if isinstance(by, Rule) else None,
                decided_at=Now(),
                four_eyes=settings.FOUR_EYES,
                decider_oid=by.oid,
                editor_oid=editor_oid,
                **columns_of_it,
            )
    except IntegrityError as error:
        # Only where two submits passed the lock at once (SQLite has none) does the constraint speak first.
        raise AlreadyDecided(who_was_first(field), field=field) from error


def _editor_oid(field: SyncField, *, by: Decider) -> uuid.UUID | None:
    if field.record.editor_id is None:
        return None
    editor = CrmUser.objects.filter(pk=field.record.editor_id).first()
    if editor is None:
        raise EditorUnknown("Who made this edit has not been read from the CRM yet. Try again shortly.", field=field)
    if editor.entra_id in _oids(by):
        raise OwnEdit("This is your own edit; somebody else decides it.", field=field)
    return editor.entra_id


def _oids(by: Decider) -> set[uuid.UUID]:
    """Whose edits `by` must not decide. A rule acts for whoever wrote it and for whoever enabled it."""
    enabler = by.enabled_by if isinstance(by, Rule) else None
    return {by.oid} if enabler is None else {by.oid, enabler.oid}


def put_on_its_way(
    field: SyncField,
    decision: Decision,
    *,
    by: Decider,
    channel: str,
    group: uuid.UUID,
    replaced: bool = False,
) -> None:
    move(field, decision=FieldDecision(decision.outcome), delivery=FieldDelivery.WAITING, trouble="")
    deliveries.expect(decision)
    note(
        f"field.{decision.kind}.{decision.outcome}",
        decision,
        by=by if isinstance(by, Person) else None,
        channel=channel,
        group=group,
        details={"corrected": decision.is_corrected, "after_failure": replaced},
        before=decision.expected_value,
        after=decision.value_to_write if decision.writes else field.proposed_value,  # or what was refused
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
    )
    SyncRecord.objects.recount([field.record_id])


def move(field: SyncField, **columns_of_it: Any) -> None:
    """Move a field from exactly the state that was read to another. Raises AlreadyDecided where it had moved."""
    where = SyncField.objects.filter(pk=field.pk, revision=field.revision)
    if where.update(revision=F("revision") + 1, **columns_of_it) != 1:
        raise AlreadyDecided(who_was_first(field), field=field)
    field.refresh_from_db()


def note(
    action: str,
    decision: Decision,
    *,
    by: Person | None,
    channel: str,
    details: Mapping[str, Any] | None = None,
    **more: Any,
) -> AuditEntry:
    """Write the audit entry of a step that was taken with `decision`."""
    field = decision.field
    rule = {"rule": str(decision.rule_id)} if decision.rule_id else {}
    return audit.record(
        action,
        by=by,
        channel=channel,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name} | rule | dict(details or {}),
        **more,
    )
