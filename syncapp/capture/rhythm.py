"""The interval between reads of the audit log: it follows how often contacts change, within the day's allowance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from syncapp.capture.rounds import CURSOR
from syncapp.connection import usage
from syncapp.mirror import uses
from syncapp.mirror.uses import Period, Use
from syncapp.models import Capture, CaptureEntry, MirrorCursor
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now

AUDIT = "audit"  # a value of the setting CAPTURE
OPERATIONS_PER_ROUND = 3
# The share of the allowance at which the portal slows down, and the share that it never plans to exceed.
SLOW_DOWN_SHARE, MAX_SHARE = 0.5, 0.8
# The share of the allowance for values of changes that are only observed.
SHARE_FOR_OTHERS = 0.1


def is_due() -> bool:
    """Return whether to begin a round now; an unfinished round is always due."""
    if settings.CAPTURE != AUDIT:
        return False
    capture = Capture.objects.first()
    if capture is None:
        # The demo begins on its own once its sandbox audits contacts.
        return not settings.DEMO
    if capture.mode == CaptureMode.OFF:
        return False
    recent = {"pulled_at__gt": database_now(plus=-interval()), "pulled_at__lte": database_now()}
    return not MirrorCursor.objects.filter(table=CURSOR, is_full_read=False, next_link="", **recent).exists()


def interval(periods: Mapping[Use, Period] | None = None) -> float:
    """Return how many seconds should now pass between two rounds: fewer while an entry waits."""
    wanted = uses.capture_interval(periods)
    waits = Q(state=EntryState.READ) | Q(state=EntryState.NEW, source=Source.OUTLOOK)
    if CaptureEntry.objects.open().filter(waits).exists():
        wanted = min(wanted, float(settings.PULL_SECONDS))
    return max(wanted, _min_interval(usage.of_day() or 0, datetime.now(UTC)))


def _min_interval(used: int, now: datetime) -> float:
    """Return the shortest interval in seconds at which the allowance lasts all day (UTC); 0 until half is used."""
    allowance = settings.CRM_DAILY_ALLOWANCE
    if used < allowance * SLOW_DOWN_SHARE:
        return 0.0
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rounds = max(1.0, (allowance * MAX_SHARE - used) / OPERATIONS_PER_ROUND)
    longest = max(settings.PULL_SECONDS, uses.max_capture_interval())
    return float(min((midnight - now).total_seconds() / rounds, longest))


def has_spare_allowance() -> bool:
    """Return whether less than half of the day's allowance is used; it then also covers reads for observation."""
    return (usage.of_day() or 0) < settings.CRM_DAILY_ALLOWANCE * SLOW_DOWN_SHARE


def allowance_for_others() -> int:
    """Return how many values of changes that are only observed may be read in a day."""
    return int(settings.CRM_DAILY_ALLOWANCE * SHARE_FOR_OTHERS)
