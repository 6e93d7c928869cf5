"""The one writer of the audit trail: a row with keyed digests, and beside it the values that can be erased."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from syncapp.models import AuditEntry, AuditValue, Person
from syncapp.models.audit import area_of


def digest(value: str | None) -> str:
    """A keyed digest of a value: proves which value it was after the value itself is erased; '' for empty."""
    if value is None:
        return ""
    return hmac.new(settings.AUDIT_KEY.encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def record(
    action: str,
    *,
    by: Person | None,
    channel: str,
    group: uuid.UUID | None = None,
    record_id: uuid.UUID | None = None,
    field_id: uuid.UUID | None = None,
    decision_id: uuid.UUID | None = None,
    column: str = "",
    details: Mapping[str, Any] | None = None,
    before: str | None = None,
    after: str | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write one entry in the caller's transaction. `details` holds codes and numbers only, no personal data.

    `column` is the field's logical name, '' where the entry is about none.
    """
    entry = AuditEntry.objects.create(
        at=Now(),
        action=action,
        area=area_of(action),
        actor=by,
        channel=channel,
        group=group,
        record_id=record_id,
        field_id=field_id,
        decision_id=decision_id,
        column_name=column or str((details or {}).get("column", "")),
        details=dict(details or {}),
        before_digest=digest(before),
        after_digest=digest(after),
    )
    if before is not None or after is not None or reason:
        AuditValue.objects.create(entry=entry, before=before, after=after, reason=reason)
    return entry


def seal(entry: AuditEntry) -> str:
    """A keyed digest of the whole entry but its values, for which their digests stand: it outlives their erasure."""
    said = {
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": entry.action,
        "actor": entry.actor_id,
        "channel": entry.channel,
        "about": [entry.group, entry.record_id, entry.field_id, entry.decision_id],
        "details": entry.details,
        "values": [entry.before_digest, entry.after_digest],
    }
    return digest(json.dumps(said, sort_keys=True, default=str))
