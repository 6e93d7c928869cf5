"""Limits beyond which capture pauses by itself: what it restores, or what it sees, is not what people do in Outlook.

A pause acts before the next contact. Reading and counting go on, and resuming acts only on later changes. The limit of
restores of one column is another one: it leaves that column as it is and pauses nothing (history.py).
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Max
from django.db.models.functions import Now, TruncDate

from syncapp.audit import log as audit
from syncapp.crm.audits.records import Action
from syncapp.crm.directory.records import SyncMethod
from syncapp.models import Capture, CaptureEntry, FilterUser, Restore
from syncapp.models.capture.entry import CaptureEntryQuerySet, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.locking import retried

RUNNING = (CaptureMode.STAGING, CaptureMode.RESTORING)
WINDOW = timedelta(minutes=10)
MIN_MASS_EDIT, SHARE_OF_USUAL_DAY, USUAL_DAYS = 200, 0.25, 28
MIN_UNSIGNED = 20
# Companies without the form script have many unsigned updates between two signed ones.
CHANCE = 0.001


class Brake(StrEnum):
    """A reason for which capture pauses by itself."""

    MANY_RESTORES = "many_restores"
    MASS_EDIT = "mass_edit"
    SIGNATURE_GONE = "signature_gone"
    RIVAL = "rival"


@dataclass(frozen=True, slots=True)
class Finding:
    """A limit that was passed, with the figures in words."""

    brake: Brake
    figures: str


def many_restores(restored: int, *, limit: int) -> Finding | None:
    """Return a finding where one source has `limit` restores in 10 minutes, so that there is never one more."""
    if restored < limit:
        return None
    return Finding(Brake.MANY_RESTORES, f"{restored:,} of at most {limit:,} restores in 10 minutes")


def mass_edit(changed: int, *, usual: float) -> Finding | None:
    """Return a finding where more contacts were changed in 10 minutes than a quarter of a usual day's, and than 200."""
    limit = max(MIN_MASS_EDIT, round(SHARE_OF_USUAL_DAY * usual))
    if changed <= limit:
        return None
    return Finding(Brake.MASS_EDIT, f"{changed:,} contacts changed in 10 minutes, more than {limit:,}")


def signature_gone(unsigned: int, *, share: float) -> Finding | None:
    """Return a finding where so many updates in a row are unsigned that chance does not explain it, and at least 20.

    `share` is the usual share of signed updates, from 0 to 1. Without the signature every Outlook edit is let through,
    and the identity may since sign something else.
    """
    if unsigned < MIN_UNSIGNED or (1 - share) ** unsigned > CHANCE:
        return None
    return Finding(Brake.SIGNATURE_GONE, f"0 of the last {unsigned:,} updates by mailbox users are signed")


def check() -> Finding | None:
    """Pause capture where a limit is passed; return what was found."""
    capture = Capture.objects.annotate(now=Now()).filter(slot=1, mode__in=RUNNING).first()
    if capture is None:
        return None
    found = _first_finding(capture, capture.now)
    if found is not None:
        pause(found)
    return found


def _first_finding(capture: Capture, now: datetime) -> Finding | None:
    resumed = capture.mode_since or now
    return (
        many_restores(_restores(max(now - WINDOW, resumed)), limit=capture.max_restores)
        or mass_edit(_changed_contacts(capture, max(now - WINDOW, resumed)), usual=_usual_day(capture, now))
        or _signature(capture, now)
    )


def _restores(since: datetime) -> int:
    """Return the most restores of any source."""
    rows = Restore.objects.filter(done_at__gt=since, result=RestoreResult.RESTORED)
    return max(Counter(rows.values_list("source", flat=True)).values(), default=0)


def _changed_contacts(capture: Capture, since: datetime) -> int:
    """Return how many contacts were changed by what counts as Outlook; imports by others are let through anyway."""
    counted = _counted(capture).filter(happened_at__gt=since)
    return counted.values("contact_id").distinct().count()


def _usual_day(capture: Capture, now: datetime) -> float:
    days = _counted(capture).filter(happened_at__gt=now - timedelta(days=USUAL_DAYS), happened_at__lt=now - WINDOW)
    found = days.values(day=TruncDate("happened_at")).annotate(contacts=Count("contact_id", distinct=True))
    contacts = list(found.values_list("contacts", flat=True))
    return statistics.median(contacts) if contacts else 0.0


def _counted(capture: Capture) -> CaptureEntryQuerySet:
    updates = CaptureEntry.objects.filter(action=Action.UPDATE)
    if capture.rule == CaptureRule.ORIGINAL:
        return updates.filter(lacks_revision=True).exclude(source=Source.OURS)
    return updates.filter(source=Source.OUTLOOK)


def _signature(capture: Capture, now: datetime) -> Finding | None:
    """Compare the updates by people whose mailbox the server synchronizes with those of four weeks."""
    if capture.rule != CaptureRule.SIGNED:
        return None
    people = FilterUser.objects.filter(method=SyncMethod.SERVER_SIDE).values("pk")
    since = now - timedelta(days=USUAL_DAYS)
    updates = CaptureEntry.objects.filter(action=Action.UPDATE, happened_at__gt=since)
    signed = updates.filter(source=Source.OUTLOOK)
    unsigned = updates.filter(source=Source.UNKNOWN, user_id__in=people)
    last_signed = signed.aggregate(last=Max("happened_at"))["last"]
    if last_signed is None:
        return None
    in_a_row = unsigned.filter(happened_at__gt=max(last_signed, capture.mode_since or last_signed)).count()
    before = signed.count(), unsigned.filter(happened_at__lte=last_signed).count()
    return signature_gone(in_a_row, share=before[0] / sum(before))


@retried
def pause(found: Finding) -> None:
    """Pause, unless somebody was first."""
    paused = Capture.objects.filter(slot=1, mode__in=RUNNING).update(
        mode=CaptureMode.PAUSED, mode_since=Now(), mode_by=None, reason=found.brake, trouble=found.figures
    )
    if paused:
        audit.record("capture.paused", by=None, channel="system", details={"brake": found.brake})
