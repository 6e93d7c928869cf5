"""Telling the operators when the portal itself is in trouble, and when that is over. Told once each, whoever looks.

    noticed ─▶ told, if it lasted for ALERT_AFTER ─▶ over: told too, if its beginning was

Time counts from the first look that found it, not from its beginning: when everything returns after a stop, a worker
that was silent for long needs a moment, which is no reason for a mail. A worker cannot tell that no worker answers;
for that `manage.py watch` runs outside of them, by cron or a timer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from syncapp import health, messages, preferences
from syncapp.filters import policy_rounds
from syncapp.health import Trouble, kinds
from syncapp.jobs import runner
from syncapp.models import Alarm, Person
from syncapp.models.message import MessageKind

# Nobody looked for longer than this: the portal itself had stopped, so the time counts anew.
LONGEST_GAP = timedelta(minutes=3)


def watch() -> int:
    """Mail the operators about troubles that last and those that are over; return how many mails were queued."""
    found = {trouble.code: trouble for trouble in _troubles() if trouble.kind.is_mailed}
    known = {alarm.code: alarm for alarm in Alarm.objects.all()}
    made = sum(_notice(trouble, known.get(code)) for code, trouble in found.items())
    return made + sum(_lift(alarm) for code, alarm in known.items() if code not in found)


def _troubles() -> list[Trouble]:
    unreadable = health.unreadable_trouble()
    return [*health.troubles(), *([unreadable] if unreadable else []), *_asking_policies(), *_failed_jobs()]


def _asking_policies() -> list[Trouble]:
    return [
        Trouble(
            kinds.POLICY,
            f"The policy “{policy.name}” has stopped itself. {policy.asks}",
            instance=str(policy.pk),
            since=policy.stopped_at,
        )
        for policy in policy_rounds.asking()
    ]


def _failed_jobs() -> list[Trouble]:
    """Jobs that failed by a fault of the portal in the last day; told once an hour and kind while more fail."""
    found = []
    for job_type in runner.job_types():
        failed = job_type.failed_unexpectedly().filter(settled_at__gt=timezone.now() - timedelta(days=1))
        count, latest = failed.count(), failed.aggregate(latest=Max("settled_at"))["latest"]
        if latest is not None:
            text = f"{job_type.title}: {count} failed by an unexpected error. See {job_type.failures_at}, and the log."
            found.append(Trouble(kinds.FAILED, text, instance=f"{job_type.name}-{latest:%j%H}"))
    return found


@transaction.atomic
def _notice(trouble: Trouble, alarm: Alarm | None) -> int:
    """Keep that the trouble was seen, and tell of it once it has lasted; return how many mails were queued."""
    now = timezone.now()
    if alarm is None:
        first = {"text": trouble.text[:300], "since": trouble.since or now, "first_seen_at": now, "seen_at": now}
        alarm, _ = Alarm.objects.get_or_create(code=trouble.code, defaults=first)
    if alarm.is_told:
        return 0
    seen = Alarm.objects.filter(code=alarm.code, is_told=False)
    if _is_left_alone(alarm, now):
        seen.update(first_seen_at=now, seen_at=now)
        return 0
    if not _lasts(trouble, alarm, now):
        seen.update(seen_at=now)
        return 0
    return _tell(trouble.code, _words(trouble), alarm.since, over=False) if seen.update(is_told=True) else 0


def _is_left_alone(alarm: Alarm, now: datetime) -> bool:
    """Return whether nobody looked for so long that the portal itself must have stood still."""
    return alarm.seen_at is None or now - alarm.seen_at > LONGEST_GAP


def _lasts(trouble: Trouble, alarm: Alarm, now: datetime) -> bool:
    # What is no illness is an event: it does not go away by waiting.
    begun = alarm.first_seen_at if trouble.kind.is_illness else trouble.since
    return begun is None or begun <= now - timedelta(seconds=settings.ALERT_AFTER)


@transaction.atomic
def _lift(alarm: Alarm) -> int:
    gone, _ = Alarm.objects.filter(code=alarm.code).delete()
    # What failed has not ended, it is only no longer new.
    if not (gone and alarm.is_told) or alarm.code.startswith(f"{kinds.FAILED.code}-"):
        return 0
    return _tell(alarm.code, {"text": alarm.text}, alarm.since, over=True)


def _words(trouble: Trouble) -> dict[str, Any]:
    kind = trouble.kind
    texts = {"meaning": kind.meaning, "remedy": kind.remedy, "where": kind.where}
    return {"text": trouble.text, "reason": trouble.detail, **texts}


def _tell(code: str, words: Mapping[str, Any], since: datetime, *, over: bool) -> int:
    details = {"code": code, **words, "since": f"{since:%d %B %Y, %H:%M} UTC", "over": over}
    made = [messages.queue(MessageKind.OPERATIONS, to=reader, details=details) for reader in readers()]
    return sum(message is not None for message in made)


def readers() -> list[Person | str]:
    """Return the operations address; where none is set, the administrators."""
    address = preferences.read().operations_address
    return [address] if address else list(Person.objects.filter(is_administrator=True, is_active=True))
