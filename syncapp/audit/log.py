"""The one writer of the audit trail: a row with keyed digests, and beside it the values that can be erased."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC
from typing import Any, ParamSpec

from django.conf import settings
from django.db.models.functions import Now

from syncapp.models import AuditEntry, AuditValue, Person
from syncapp.models.audit import area_of

Says = ParamSpec("Says")


def digest(value: str | None) -> str:
    """A keyed digest of a value: proves which value it was after the value itself is erased; '' for empty."""
    if value is None:
        return ""
    return hmac.new(settings.AUDIT_KEY.encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Fact:
    """What one entry says. `details` holds codes and numbers only, no personal data.

    `column` is the field's logical name, '' where the entry is about none.
    """

    action: str
    _: KW_ONLY
    by: Person | None
    channel: str
    group: uuid.UUID | None = None
    record_id: uuid.UUID | None = None
    field_id: uuid.UUID | None = None
    decision_id: uuid.UUID | None = None
    column: str = ""
    details: Mapping[str, Any] | None = None
    before: str | None = None
    after: str | None = None
    reason: str = ""

    @property
    def has_values(self) -> bool:
        """Whether there is something that could be erased."""
        return self.before is not None or self.after is not None or bool(self.reason)


def _recorder(fact: Callable[Says, Fact]) -> Callable[Says, AuditEntry]:
    """A function that is called as Fact is, so that mypy checks it alike."""

    def record(*args: Says.args, **kwargs: Says.kwargs) -> AuditEntry:
        """Write one entry, which says what Fact says of these arguments, in the caller's transaction."""
        return record_all([fact(*args, **kwargs)])[0]

    return record


record = _recorder(Fact)


def record_all(facts: Sequence[Fact]) -> list[AuditEntry]:
    """Write these entries in the caller's transaction, in two statements however many they are."""
    entries = AuditEntry.objects.bulk_create([_entry(fact) for fact in facts])
    values = (
        AuditValue(entry=entry, before=fact.before, after=fact.after, reason=fact.reason)
        for entry, fact in zip(entries, facts, strict=True)
        if fact.has_values
    )
    AuditValue.objects.bulk_create(values)
    return entries


def _entry(fact: Fact) -> AuditEntry:
    details = dict(fact.details or {})
    return AuditEntry(
        at=Now(),
        action=fact.action,
        area=area_of(fact.action),
        actor=fact.by,
        channel=fact.channel,
        group=fact.group,
        record_id=fact.record_id,
        field_id=fact.field_id,
        decision_id=fact.decision_id,
        column_name=fact.column or str(details.get("column", "")),
        details=details,
        before_digest=digest(fact.before),
        after_digest=digest(fact.after),
    )


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
