"""A company that may switch capture on, in rows alone."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from syncapp.models import AuditEntry, Capture, CaptureIdentity, CaptureSource, Connection, CrmColumn
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now

SIGNER = uuid.UUID("00000000-0000-4000-8000-0000000000aa")


def now(**ago: float) -> datetime:
    """Return the database's time, or a moment before it."""
    found: datetime = Connection.objects.annotate(now=database_now()).values_list("now", flat=True).get()
    return found - timedelta(**ago)


def observe(*, days: float = 8) -> Capture:
    """Store a capture that has observed for some days, in a company where nothing prevents restoring."""
    Connection.objects.create(organization_id=uuid.uuid4(), origin="https://contoso.example", review_writes=True)
    CrmColumn.objects.create(
        table="contact", name="fax", label="Fax", type="text", writable=True, read_at=now(), max_length=50
    )
    CaptureIdentity.objects.create(user_id=SIGNER, is_confirmed=True)
    since = now(days=days)
    return Capture.objects.create(
        mode=CaptureMode.OBSERVING,
        mode_since=since,
        observing_since=since,
        signature_seen_at=since,
        audited_since={"osync_revision": since.isoformat()},
    )


def mode() -> tuple[str, str]:
    """Return the mode and the code of its reason."""
    return Capture.objects.values_list("mode", "reason").get()


def is_on(source: Source = Source.OUTLOOK) -> bool:
    """Return whether a source is on."""
    return CaptureSource.objects.filter(pk=source, is_on=True).exists()


def recorded() -> list[str]:
    """Return the actions in the audit log, oldest first."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
