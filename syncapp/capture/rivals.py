"""Rivals of capture: a plug-in or another portal that stages the same edits.

The portal and a rival would both stage each edit, and each would restore what the other has just written. A rival is
recognized by rows in the staging tables that this portal did not create.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from syncapp.capture import brakes
from syncapp.capture.brakes import RUNNING, Brake, BrakeFinding
from syncapp.capture.staging_writes import SOURCE
from syncapp.models import Capture, CaptureEntry, Restore, SyncRecord
from syncapp.models.capture.entry import EntryState
from syncapp.models.mirror.sync_record import REVIEWED_TABLE, SyncRecordQuerySet
from syncapp.text.ids import parse_uuid

RECENT = timedelta(hours=1)
_MAX_READ = 200  # number of rows read; those of an active rival are among them
_OURS = (EntryState.READ, EntryState.STAGED)  # READ: staged by a job whose answer was lost


def find(*, since: datetime) -> BrakeFinding | None:
    """Return a finding if a rival staged an edit made after `since`."""
    contact_edits = SyncRecord.objects.filter(Q(target_table="") | Q(target_table=REVIEWED_TABLE), edited_on__gt=since)
    for rows in (contact_edits.visible().filter(waiting_count__gt=0), contact_edits.decided()):
        finding = _find_among(rows)
        if finding is not None:
            return finding
    return None


def check() -> BrakeFinding | None:
    """Pause capture if a rival staged an edit after capture was switched on or resumed; return the finding."""
    capture = Capture.objects.annotate(now=Now()).filter(slot=1, mode__in=RUNNING).first()
    if capture is None:
        return None
    finding = find(since=max(capture.now - RECENT, capture.mode_since or capture.now))
    if finding is not None:
        brakes.pause(finding)
    return finding


def _find_among(rows: SyncRecordQuerySet) -> BrakeFinding | None:
    newest = rows.order_by("-edited_on", "-pk").values_list("source", "operation_id")[:_MAX_READ]
    ids: set[UUID] = set()
    for source, operation_id in newest:
        audit_id = parse_uuid(operation_id) if source == SOURCE else None
        if audit_id is None:
            return BrakeFinding(
                Brake.RIVAL, f"An edit was staged by “{source or 'an unnamed program'}”, not by this portal"
            )
        ids.add(audit_id)
    ours = set(CaptureEntry.objects.filter(pk__in=ids, state__in=_OURS).values_list("pk", flat=True))
    ours.update(Restore.objects.filter(audit_id__in=ids).values_list("audit_id", flat=True))
    if ids - ours:
        return BrakeFinding(Brake.RIVAL, "An edit in the audit log was staged by another portal")
    return None
