"""The CRM's auditing settings, read regularly: which columns are audited, since when, and how long entries are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from syncapp.capture import gaps
from syncapp.capture.columns import TABLE
from syncapp.capture.gaps import Reason
from syncapp.crm.client import CrmClient
from syncapp.models import Capture, CaptureColumn, CaptureGap
from syncapp.models.capture.entry import Source

MAX_AGE = timedelta(hours=3)
# If contacts change but no entries appear, auditing may be off, so its settings are read again sooner.
MAX_AGE_IF_MAYBE_OFF = timedelta(minutes=15)


def refresh(
    crm: CrmClient, capture: Capture, watched: Collection[str], *, now: datetime, may_be_off: bool = False
) -> bool:
    """If the auditing settings are stale, read them and record gaps in auditing. Return whether they were read.

    `watched` are the tracked columns and the revision column. `may_be_off`: entries are missing, so auditing may be
    off. Raises CrmError.
    """
    age = None if capture.switches_read_at is None else now - capture.switches_read_at
    if age is not None and age < (MAX_AGE_IF_MAYBE_OFF if may_be_off else MAX_AGE):
        return False
    settings = crm.audits.settings()
    is_on = settings.is_on and crm.metadata.table(TABLE).auditing.is_on
    switches = crm.metadata.auditing(TABLE) if is_on else {}
    audited = {name for name in watched if name in switches and switches[name].is_on}
    unreadable = sorted(crm.metadata.secured(TABLE) & set(watched))
    _record_gap(capture, audited, is_on=is_on, now=now)
    default_since = capture.observing_since or now if age is None else now
    since = {name: capture.audited_since.get(name) or default_since.isoformat() for name in sorted(audited)}
    changes = {"audited_since": since, "unreadable_columns": unreadable, "days_kept": settings.days_kept}
    Capture.objects.update(**changes, switches_read_at=now)
    capture.refresh_from_db()
    return True


def _record_gap(capture: Capture, audited: Collection[str], *, is_on: bool, now: datetime) -> None:
    """Begin a gap if auditing is off, for everything or for a column; end it once auditing is on again."""
    begins_at = capture.switches_read_at or capture.observing_since or now
    if not is_on:
        gaps.begin(Reason.AUDITING_OFF, at=begins_at, now=now)
        return
    open_gaps = CaptureGap.objects.filter(reason=Reason.AUDITING_OFF, ends_at=None).values_list("columns", flat=True)
    off_before = {name for names in open_gaps for name in names or ()}
    unreviewed = CaptureColumn.objects.filter(source=Source.OUTLOOK, handling=CaptureColumn.Handling.LET_THROUGH)
    unreviewed_names = set(unreviewed.values_list("column_name", flat=True))
    off = sorted((off_before | set(capture.audited_since)) - set(audited) - unreviewed_names)
    if off:
        gaps.begin(Reason.AUDITING_OFF, at=begins_at, now=now, columns=off)
    else:
        gaps.end(Reason.AUDITING_OFF, at=now)


def readable_at(capture: Capture, moment: datetime, columns: Collection[str]) -> frozenset[str]:
    """Return the `columns` that are known to have been audited at `moment` and that the portal may read."""
    since: Mapping[str, str] = capture.audited_since
    unreadable = set(capture.unreadable_columns)
    return frozenset(
        name
        for name in columns
        if name not in unreadable and name in since and datetime.fromisoformat(since[name]) <= moment
    )
