"""Times for which the audit log is not complete: rows that troubles and pages show, with from and to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from syncapp.crm.audits.records import KEPT_FOREVER
from syncapp.models import Capture, CaptureGap

Reason = CaptureGap.Reason
# Edits that are found later than this are staged, and not restored.
DOWNTIME = timedelta(minutes=15)


def begin(reason: Reason, *, at: datetime, now: datetime, columns: Sequence[str] | None = None) -> None:
    """Record a gap of these columns, None for all, that lasts; one of other columns ends.

    Each row keeps its columns, so the past of those that are audited again stays known.
    """
    lasting = CaptureGap.objects.filter(reason=reason, ends_at=None).first()
    if lasting is not None and lasting.columns == columns:
        return
    try:
        with transaction.atomic():
            end(reason, at=now)
            detail = ", ".join(columns or ())[:300]
            CaptureGap.objects.create(reason=reason, begins_at=at, columns=columns, detail=detail)
    except IntegrityError:  # another process was first
        return


def end(reason: Reason, *, at: datetime) -> bool:
    """Record the end of a gap that lasts; return whether there was one."""
    return CaptureGap.objects.filter(reason=reason, ends_at=None).update(ends_at=at) > 0


def note_silence(capture: Capture, *, read_at: datetime | None, now: datetime) -> None:
    """Record gaps since the last reading: entries that the CRM has deleted meanwhile, or that are found too late."""
    if read_at is None:
        return
    if capture.days_kept not in (None, KEPT_FOREVER):
        kept_from = now - timedelta(days=capture.days_kept or 0)
        if read_at < kept_from:
            _record(Reason.ENTRIES_DELETED, read_at, kept_from)
            read_at = kept_from
    if now - read_at > DOWNTIME:
        _record(Reason.DOWNTIME, read_at, now)


def _record(reason: Reason, begins_at: datetime, ends_at: datetime) -> None:
    CaptureGap.objects.get_or_create(reason=reason, begins_at=begins_at, defaults={"ends_at": ends_at})
