"""The writer of the audit log."""

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

Params = ParamSpec("Params")


def digest(value: str | None) -> str:
    """Return a keyed digest of a value, which identifies the value after it is erased; '' for None."""
    if value is None:
        return ""
    return hmac.new(settings.AUDIT_KEY.encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Fact:
    """The content of an entry. `details` holds only codes and numbers, no personal data.

    `column` is the logical name of the field, '' if the entry is not about a field. `is_part`: the activity page shows
    another entry of the group instead.
    """

    action: str
    _: KW_ONLY
    by: Person | None
    channel: str
    group: uuid.UUID | None = None
    is_part: bool = False
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
        """Return whether there are values to store."""
        return self.before is not None or self.after is not None or bool(self.reason)


def _recorder(fact: Callable[Params, Fact]) -> Callable[Params, AuditEntry]:
    """Return the function `record` with the parameters of `Fact`, so that mypy checks its calls."""

    def record(*args: Params.args, **kwargs: Params.kwargs) -> AuditEntry:
        """Write one entry, the `Fact` built from these arguments, in the caller's transaction."""
        return record_all([fact(*args, **kwargs)])[0]

    return record


record = _recorder(Fact)


def record_all(facts: Sequence[Fact]) -> list[AuditEntry]:
    """Write entries in the caller's transaction, in two statements."""
    entries = AuditEntry.objects.bulk_create(
        AuditEntry(
            at=Now(),
            action=fact.action,
            area=area_of(fact.action),
            actor=fact.by,
            channel=fact.channel,
            group=fact.group,
            is_part=fact.is_part,
            record_id=fact.record_id,
            field_id=fact.field_id,
            decision_id=fact.decision_id,
            column_name=fact.column or str((fact.details or {}).get("column", "")),
            details=dict(fact.details or {}),
            before_digest=digest(fact.before),
            after_digest=digest(fact.after),
        )
        for fact in facts
    )
    values = (
        AuditValue(entry=entry, before=fact.before, after=fact.after, reason=fact.reason)
        for entry, fact in zip(entries, facts, strict=True)
        if fact.has_values
    )
    AuditValue.objects.bulk_create(values)
    return entries


def seal(entry: AuditEntry) -> str:
    """Return a keyed digest of the entry. It covers only digests of the values, so erasing them changes nothing."""
    content = {
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": entry.action,
        "actor": entry.actor_id,
        "channel": entry.channel,
        "about": [entry.group, entry.record_id, entry.field_id, entry.decision_id],
        "details": entry.details,
        "values": [entry.before_digest, entry.after_digest],
    }
    return digest(json.dumps(content, sort_keys=True, default=str))
