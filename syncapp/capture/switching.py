"""Changes to the capture settings by administrators: sources, columns, the limit, and whether capture restores.

Each change is one short transaction with its audit entry, and affects only later entries.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from syncapp.audit import log as audit
from syncapp.capture import columns, rivals, signature
from syncapp.capture.brakes import RUNNING, Brake
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.rhythm import AUDIT
from syncapp.connection import clients
from syncapp.models import Capture, CaptureColumn, CaptureSource, FilterTeam, Person
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.locking import locked, retried

MIN_LIMIT, MAX_LIMIT = 1, 10_000
_NEVER_REVIEWED = {
    Source.OURS: "The portal’s own changes are never reviewed.",
    Source.FORM: "Changes by forms and by programs that raise the revision are never reviewed.",
}
CAPTURE_IS_OFF = "Capture is off. Set CAPTURE=audit, restart the workers, and wait for the first reading."
_CHANGED_MEANWHILE = "This was changed in the meantime. Reload the page."


def obstacle(source: Source) -> str:
    """Return why a source cannot be switched on, and what to do; '' if it can."""
    capture = Capture.objects.filter(slot=1).first()
    if source in _NEVER_REVIEWED:
        return _NEVER_REVIEWED[source]
    if capture is None or capture.mode == CaptureMode.OFF or settings.CAPTURE != AUDIT:
        return CAPTURE_IS_OFF
    if capture.mode == CaptureMode.PAUSED:
        return "Capture is paused. Find out why, and resume it first."
    if source != Source.OUTLOOK and capture.rule != CaptureRule.ORIGINAL:
        return "Only changes that the synchronization signed are known to come from Outlook. Ask for the original rule."
    if CaptureSource.objects.filter(pk=source, is_on=True).exists():
        return f"{source.label} is already on."
    return _restoring_obstacle(capture, source)


@retried
def switch_on(source: Source, *, by: Person, pilot_team_id: UUID | None) -> None:
    """Stage and restore later edits from a source; if a team is given, at first only those by its members.

    Raises SwitchRefused.
    """
    capture = locked_capture()
    if refusal := obstacle(source):
        raise SwitchRefused(refusal)
    if pilot_team_id is not None and not FilterTeam.objects.filter(pk=pilot_team_id).exists():
        raise SwitchRefused("The CRM no longer has this team. Choose another one.")
    CaptureSource.objects.get_or_create(source=source)
    off = CaptureSource.objects.filter(pk=source, is_on=False)
    _update_source(off, is_on=True, since=Now(), switched_by=by, pilot_team_id=pilot_team_id)
    if capture.mode == CaptureMode.OBSERVING:
        _set_mode(capture, CaptureMode.RESTORING, by=by)
    record("switched_on", by=by, source=source, pilot=str(pilot_team_id or ""))


@retried
def switch_off(source: Source, *, by: Person) -> None:
    """Stop acting on a source and only observe it; if no source stays on, capture only observes. Raises SwitchRefused.

    Restored values stay restored, and staged edits stay in the review queue.
    """
    capture = locked_capture()
    _update_source(CaptureSource.objects.filter(pk=source, is_on=True), is_on=False, switched_by=by)
    if capture.mode in RUNNING and not CaptureSource.objects.filter(is_on=True).exists():
        _set_mode(capture, CaptureMode.OBSERVING, by=by)
    record("switched_off", by=by, source=source)


@retried
def end_capture(*, by: Person) -> None:
    """Switch every source off and observe nothing, so that a plug-in can take over. Raises SwitchRefused.

    Rounds of reading are no longer due; one that runs all the same begins to observe again.
    """
    capture = locked_capture()
    CaptureSource.objects.filter(is_on=True).update(is_on=False, switched_by=by)
    _set_mode(capture, CaptureMode.OFF, by=by)
    record("ended", by=by)


@retried
def include_everyone(source: Source, *, by: Person) -> None:
    """Stage and restore later edits by everyone, not only by the pilot team. Raises SwitchRefused."""
    locked_capture()
    pilot = CaptureSource.objects.filter(pk=source, is_on=True, pilot_team_id__isnull=False)
    _update_source(pilot, pilot_team_id=None, since=Now(), switched_by=by)
    record("everyone", by=by, source=source)


@retried
def set_handling(source: Source, column_name: str, handling: CaptureColumn.Handling, *, by: Person) -> None:
    """Review this source's later changes to a column, or let them through. Raises SwitchRefused."""
    if source in _NEVER_REVIEWED:
        raise SwitchRefused(_NEVER_REVIEWED[source])
    if column_name not in columns.tracked(clients.names().contact_revision):
        raise SwitchRefused(f"Capture does not watch the column {column_name}.")
    review = CaptureColumn.Handling.REVIEW
    key = {"source": source, "column_name": column_name}
    is_new = not CaptureColumn.objects.filter(**key).exists()
    if is_new and handling == review:
        return
    row, _ = CaptureColumn.objects.get_or_create(**key, defaults={"handling": review})
    changed = CaptureColumn.objects.filter(pk=row.pk).exclude(handling=handling).update(handling=handling, since=Now())
    if changed:
        record("handling", by=by, source=source, column=column_name, handling=handling)


@retried
def stop_restoring(*, by: Person) -> None:
    """Keep staging, but restore nothing from the next contact on. Raises SwitchRefused."""
    capture = locked_capture()
    if capture.mode != CaptureMode.RESTORING:
        raise SwitchRefused(f"Nothing is being restored: capture is {capture.get_mode_display().lower()}.")
    _set_mode(capture, CaptureMode.STAGING, by=by)
    record("stopped", by=by)


@retried
def resume(*, by: Person) -> None:
    """Restore later edits again after an operator or a brake stopped capture. Raises SwitchRefused.

    If no source is on, capture observes again.
    """
    capture = locked_capture()
    if capture.mode not in (CaptureMode.STAGING, CaptureMode.PAUSED):
        raise SwitchRefused(f"There is nothing to resume: capture is {capture.get_mode_display().lower()}.")
    enabled = CaptureSource.objects.filter(is_on=True)
    sources = [Source(name) for name in enabled.values_list("pk", flat=True)]
    for source in sources:
        if refusal := _restoring_obstacle(capture, source):
            raise SwitchRefused(refusal)
    if capture.mode == CaptureMode.PAUSED:
        enabled.update(since=Now())  # changes during the pause were only observed
    _set_mode(capture, CaptureMode.RESTORING if sources else CaptureMode.OBSERVING, by=by)
    record("resumed", by=by, before=capture.mode, brake=capture.reason)


@retried
def set_limit(max_restores: int, *, by: Person) -> None:
    """Set how many restores of one source in 10 minutes pause capture. Raises SwitchRefused."""
    if not MIN_LIMIT <= max_restores <= MAX_LIMIT:
        raise SwitchRefused(f"Enter a number from {MIN_LIMIT} to {MAX_LIMIT:,}.")
    capture = locked_capture()
    if Capture.objects.filter(slot=1).exclude(max_restores=max_restores).update(max_restores=max_restores):
        record("limit", by=by, before=capture.max_restores, after=max_restores)


def _restoring_obstacle(capture: Capture, source: Source) -> str:
    """Return why edits from a source cannot be restored; '' if they can."""
    if not clients.review_writes_are_enabled():
        return "The connection is read-only. Enable writing of reviewed values in Settings, Connection."
    if source == Source.OUTLOOK and not signature.is_proved(capture):
        return (
            "The synchronization’s signature has not been seen on an edit of yours. Edit a contact in Outlook, wait "
            "until the CRM shows it, and run the check in Settings, Connection."
        )
    return _rival_obstacle(capture)


def _rival_obstacle(capture: Capture) -> str:
    now: datetime = Capture.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=capture.pk)
    moments = [now - rivals.RECENT, capture.observing_since or now]
    if capture.reason == Brake.RIVAL and capture.mode_since is not None:
        moments.append(capture.mode_since)  # the cause of the pause is known
    rival = rivals.find(since=max(moments))
    if rival is None:
        return ""
    return (
        f"{rival.figures}, within the last hour. Two programs that capture edits would undo each other’s work: turn "
        "the other one off, and try again an hour after its last edit."
    )


def locked_capture() -> Capture:
    """Return the settings, locked for the transaction. Raises SwitchRefused if capture was never on."""
    capture = locked(Capture.objects.filter(slot=1)).first()
    if capture is None:
        raise SwitchRefused(CAPTURE_IS_OFF)
    return capture


def _update_source(rows: QuerySet[CaptureSource], **values: Any) -> None:
    if rows.update(**values) != 1:
        raise SwitchRefused(_CHANGED_MEANWHILE)


def _set_mode(capture: Capture, mode: CaptureMode, *, by: Person) -> None:
    unchanged = Capture.objects.filter(slot=1, mode=capture.mode)
    if unchanged.update(mode=mode, mode_since=Now(), mode_by=by, reason="", trouble="") != 1:
        raise SwitchRefused(_CHANGED_MEANWHILE)


def record(action: str, *, by: Person, **details: Any) -> None:
    """Write the audit entry for a change to the settings, in the same transaction."""
    audit.record(f"capture.{action}", by=by, channel="settings", details=details)
