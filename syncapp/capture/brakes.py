"""Limits beyond which capture pauses automatically, because the changes do not look like edits by people in Outlook.

A pause takes effect before the next contact. Reading and counting go on, and after resuming only later changes are
staged. The limit on restores of one column is separate: it skips that column and pauses nothing (history.py).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db.models import Max, Q
from django.db.models.functions import Now

from syncapp.audit import log as audit
from syncapp.crm.audits.records import Action
from syncapp.crm.directory.records import SyncMethod
from syncapp.models import Capture, CaptureContactDay, CaptureEntry, CaptureSource, FilterUser, Restore
from syncapp.models.capture.entry import Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.locking import retried

RUNNING = (CaptureMode.STAGING, CaptureMode.RESTORING)
WINDOW = timedelta(minutes=10)
MIN_MASS_EDIT, SHARE_OF_USUAL_DAY, USUAL_DAYS = 200, 0.25, 28
MIN_UNSIGNED = 20
# Without the form script, many unsigned updates in a row are usual. The brake acts only if chance explains them with at
# most this probability.
FALSE_ALARM_CHANCE = 0.001


class Brake(StrEnum):
    """A reason why capture pauses automatically."""

    MANY_RESTORES = "many_restores"
    MASS_EDIT = "mass_edit"
    SIGNATURE_GONE = "signature_gone"
    SIGNERS_CHANGED = "signers_changed"
    RIVAL = "rival"


@dataclass(frozen=True, slots=True)
class BrakeFinding:
    """A reason to pause capture; `figures` explains it in words."""

    brake: Brake
    figures: str


def check_restores(restored: int, *, limit: int) -> BrakeFinding | None:
    """Return a finding once one source has `limit` restores in 10 minutes, so that the limit is never exceeded."""
    if restored < limit:
        return None
    return BrakeFinding(Brake.MANY_RESTORES, f"{restored:,} of at most {limit:,} restores in 10 minutes")


def max_changed_contacts(usual: float) -> int:
    """Return how many contacts may change in 10 minutes if `usual` contacts change on a usual day."""
    return max(MIN_MASS_EDIT, round(SHARE_OF_USUAL_DAY * usual))


def check_changed_contacts(changed: int, *, usual: float) -> BrakeFinding | None:
    """Return a finding if more than 200 contacts changed in 10 minutes, and that is over a quarter of a usual day."""
    limit = max_changed_contacts(usual)
    if changed <= limit:
        return None
    return BrakeFinding(Brake.MASS_EDIT, f"{changed:,} contacts changed in 10 minutes, more than {limit:,}")


def min_unsigned(share: float) -> int:
    """Return how many unsigned updates in a row chance cannot explain; `share` is the usual share of signed updates."""
    by_chance = math.ceil(math.log(FALSE_ALARM_CHANCE) / math.log(1 - share)) if 0 < share < 1 else 0
    return max(MIN_UNSIGNED, by_chance)


def check_signature(unsigned: int, *, share: float) -> BrakeFinding | None:
    """Return a finding if at least 20 updates in a row are unsigned and chance cannot explain that many.

    `share` is the usual share of signed updates, from 0 to 1. Without the signature, every Outlook edit is let through,
    and the signing user may now sign something else. Only users whose mailbox was read are counted; until the inventory
    has read mailboxes, this brake cannot act.
    """
    if unsigned < min_unsigned(share):
        return None
    return BrakeFinding(Brake.SIGNATURE_GONE, f"0 of the last {unsigned:,} updates by mailbox users are signed")


def check() -> BrakeFinding | None:
    """Pause capture if a limit of this module is reached; return the finding."""
    capture = Capture.objects.annotate(now=Now()).filter(slot=1, mode__in=RUNNING).first()
    if capture is None:
        return None
    finding = _first_finding(capture, capture.now)
    if finding is not None:
        pause(finding)
    return finding


def _first_finding(capture: Capture, now: datetime) -> BrakeFinding | None:
    since = max(now - WINDOW, capture.mode_since or now)
    if finding := check_restores(_max_restores_of_source(since), limit=capture.max_restores):
        return finding
    changed = _changed_contacts(capture, since)
    usual = _usual_contacts_per_day(capture, now) if changed > MIN_MASS_EDIT else 0.0
    if finding := check_changed_contacts(changed, usual=usual):
        return finding
    signatures = _signatures(capture, now) if capture.rule == CaptureRule.SIGNED else None
    return check_signature(signatures.unsigned, share=signatures.share) if signatures else None


def _max_restores_of_source(since: datetime) -> int:
    """Return the highest number of restores for one source; a write to a contact counts once for all its columns."""
    rows = Restore.objects.filter(done_at__gt=since).exclude(result=RestoreResult.NOT_RESTORED).order_by()
    writes = rows.values("source", "contact_id", "done_at").distinct()
    sources = rows.values_list("source", flat=True).distinct()
    return max((writes.filter(source=source).count() for source in sources), default=0)


def _changed_contacts(capture: Capture, since: datetime) -> int:
    """Return how many contacts had changes that capture stages; others, such as imports, are let through anyway."""
    updates = CaptureEntry.objects.filter(action=Action.UPDATE, happened_at__gt=since)
    if capture.rule == CaptureRule.ORIGINAL:
        enabled_sources = CaptureSource.objects.filter(is_on=True).values("source")
        counted = updates.filter(Q(source=Source.OUTLOOK) | Q(lacks_revision=True), source__in=enabled_sources)
    else:
        counted = updates.filter(source=Source.OUTLOOK)
    return counted.values("contact_id").distinct().count()


def _usual_contacts_per_day(capture: Capture, now: datetime) -> float:
    """Return the median number of contacts changed per day, over the counted days before today that had any change.

    Of a day's sources, only the one with the most contacts counts: two of them may have changed the same contact.
    """
    today = now.astimezone(UTC).date()
    days = CaptureContactDay.objects.filter(day__gte=today - timedelta(days=USUAL_DAYS), day__lt=today)
    if capture.rule == CaptureRule.ORIGINAL:
        days = days.filter(source__in=CaptureSource.objects.filter(is_on=True).values("source"))
    else:
        days = days.filter(source=Source.OUTLOOK)
    by_day = days.order_by().values("day").annotate(most=Max("contacts"))
    contacts = list(by_day.values_list("most", flat=True))
    return statistics.median(contacts) if contacts else 0.0


@dataclass(frozen=True, slots=True)
class Signatures:
    """Updates by people with server-side synchronization: those since the last signed one, and the usual signed share.

    `unsigned` is a number of updates, `share` is from 0 to 1.
    """

    unsigned: int
    share: float


def _signatures(capture: Capture, now: datetime) -> Signatures | None:
    """Return the unsigned updates since the last signed one, and the share of signed ones before.

    Return None if none was signed in the last four weeks.
    """
    people = FilterUser.objects.filter(method=SyncMethod.SERVER_SIDE).values("pk")
    since = now - timedelta(days=USUAL_DAYS)
    updates = CaptureEntry.objects.filter(action=Action.UPDATE, happened_at__gt=since)
    signed = updates.filter(source=Source.OUTLOOK)
    unsigned = updates.filter(source=Source.UNKNOWN, user_id__in=people)
    last_signed = signed.aggregate(last=Max("happened_at"))["last"]
    if last_signed is None:
        return None
    unsigned_since = unsigned.filter(happened_at__gt=max(last_signed, capture.mode_since or last_signed)).count()
    signed_count, unsigned_before = signed.count(), unsigned.filter(happened_at__lte=last_signed).count()
    return Signatures(unsigned_since, share=signed_count / (signed_count + unsigned_before))


@dataclass(frozen=True, slots=True)
class Figures:
    """The current figures with their limits; `signatures` is None if the signature is not watched."""

    restored: int
    max_restores: int
    changed: int
    max_changed: int
    usual_day: float
    signatures: Signatures | None


def figures() -> Figures | None:
    """Return the current figures of all brakes; None before capture has begun."""
    capture = Capture.objects.annotate(now=Now()).filter(slot=1).first()
    if capture is None:
        return None
    now = capture.now
    since = max(now - WINDOW, capture.mode_since or now)
    usual = _usual_contacts_per_day(capture, now)
    return Figures(
        restored=_max_restores_of_source(since),
        max_restores=capture.max_restores,
        changed=_changed_contacts(capture, since),
        max_changed=max_changed_contacts(usual),
        usual_day=usual,
        signatures=_signatures(capture, now) if capture.rule == CaptureRule.SIGNED else None,
    )


@retried
def pause(finding: BrakeFinding) -> None:
    """Pause capture, unless it is already paused or off."""
    paused = Capture.objects.filter(slot=1, mode__in=RUNNING).update(
        mode=CaptureMode.PAUSED, mode_since=Now(), mode_by=None, reason=finding.brake, trouble=finding.figures
    )
    if paused:
        audit.record("capture.paused", by=None, channel="system", details={"brake": finding.brake})
