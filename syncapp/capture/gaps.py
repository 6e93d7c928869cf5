"""Periods in which the audit log is incomplete: rows with a beginning and an end, shown in troubles and on pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from syncapp.crm.audits.records import KEPT_FOREVER
from syncapp.models import Capture, CaptureGap

Reason = CaptureGap.Reason
# Edits that are found later than this are staged but not restored.
MIN_DOWNTIME = timedelta(minutes=15)


def begin(reason: Reason, *, at: datetime, now: datetime, columns: Sequence[str] | None = None) -> None:
    """Open a gap for these columns (None: all columns); end the open gap if it is for other columns.

    Each row keeps its columns, so past gaps of columns that are audited again stay known.
    """
    open_gap = CaptureGap.objects.filter(reason=reason, ends_at=None).first()
    if open_gap is not None and open_gap.columns == columns:
        return
    try:
        with transaction.atomic():
            end(reason, at=now)
            detail = ", ".join(columns or ())[:300]
            CaptureGap.objects.create(reason=reason, begins_at=at, columns=columns, detail=detail)
    except IntegrityError:  # another process was first
        return


def end(reason: Reason, *, at: datetime) -> bool:
    """End the open gap; return whether there was one."""
    return CaptureGap.objects.filter(reason=reason, ends_at=None).update(ends_at=at) > 0


def record_pause_in_reading(capture: Capture, *, read_at: datetime | None, now: datetime) -> None:
    """Record the gaps of an interruption: entries deleted since, and downtime whose edits come too late to be restored.

    `read_at` is when the log was last read completely, or None if it never was.
    """
    if read_at is None:
        return
    if capture.days_kept not in (None, KEPT_FOREVER):
        kept_from = now - timedelta(days=capture.days_kept or 0)
        if read_at < kept_from:
            _record(Reason.ENTRIES_DELETED, read_at, kept_from)
            read_at = kept_from
    if now - read_at > MIN_DOWNTIME:
        _record(Reason.DOWNTIME, read_at, now)


def _record(reason: Reason, begins_at: datetime, ends_at: datetime) -> None:
    CaptureGap.objects.get_or_create(reason=reason, begins_at=begins_at, defaults={"ends_at": ends_at})
