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

from syncapp import health, preferences
from syncapp.connection import clients
from syncapp.health import Trouble, kinds
from syncapp.jobs import runner
from syncapp.models import Alert, Person
from syncapp.models.outbox import MessageKind
from syncapp.outbox import messages
from syncapp.sync_filters.policies import job

# Nobody looked for longer than this: the portal itself had stopped, so the time counts anew.
LONGEST_GAP = timedelta(minutes=3)


def watch() -> int:
    """Mail the operators about troubles that last and those that are over; return how many mails were queued."""
    clients.probe_sign_in()
    found = {trouble.code: trouble for trouble in _troubles() if trouble.kind.is_mailed}
    known = {alarm.code: alarm for alarm in Alert.objects.all()}
    made = sum(_notice(trouble, known.get(code)) for code, trouble in found.items())
    return made + sum(_lift(alarm) for code, alarm in known.items() if code not in found)


def _troubles() -> list[Trouble]:
    unreadable = health.find_unreadable_rows()
    return [*health.troubles(), *([unreadable] if unreadable else []), *_asking_policies(), *_failed_jobs()]


def _asking_policies() -> list[Trouble]:
    return [
        Trouble(
            kinds.POLICY,
            f"The policy “{policy.name}” has stopped itself. {policy.asks}",
            instance=str(policy.pk),
            since=policy.stopped_at,
        )
        for policy in job.asking()
    ]


def _failed_jobs() -> list[Trouble]:
    """Jobs that failed by a fault of the portal in the last day; told once an hour and kind while more fail."""
    found = []
    for job_type in runner.job_types():
        failed = job_type.failed_unexpectedly().filter(finished_at__gt=timezone.now() - timedelta(days=1))
        count, latest = failed.count(), failed.aggregate(latest=Max("finished_at"))["latest"]
        if latest is not None:
            text = f"{job_type.title}: {count} failed by an unexpected error. See {job_type.failures_at}, and the log."
            found.append(Trouble(kinds.FAILED, text, instance=f"{job_type.name}-{latest:%j%H}"))
    return found


@transaction.atomic
def _notice(trouble: Trouble, alarm: Alert | None) -> int:
    """Keep that the trouble was seen, and tell of it once it has lasted; return how many mails were queued."""
    now = health.Observations().now  # workers of several hosts take turns
    if alarm is None:
        first = {"text": trouble.text[:300], "since": trouble.since or now, "first_seen_at": now, "seen_at": now}
        alarm, _ = Alert.objects.get_or_create(code=trouble.code, defaults=first)
    if alarm.is_sent:
        return 0
    is_due = see_again(alarm, now=now)
    if not trouble.kind.is_failure:  # an event, which does not go away by waiting
        is_due = trouble.since is None or now - trouble.since >= _patience()
    fields = {"first_seen_at": alarm.first_seen_at, "seen_at": alarm.seen_at, "is_sent": is_due}
    is_ours = Alert.objects.filter(code=alarm.code, is_sent=False).update(**fields) == 1
    return _tell(details(trouble, since=alarm.since, over=False)) if is_due and is_ours else 0


def see_again(alarm: Alert, *, now: datetime) -> bool:
    """Note on the alarm that its trouble is still there; return whether it has lasted long enough to be told."""
    is_uninterrupted = alarm.seen_at is not None and now - alarm.seen_at <= LONGEST_GAP
    if alarm.first_seen_at is None or not is_uninterrupted:
        alarm.first_seen_at = now
    alarm.seen_at = now
    return now - alarm.first_seen_at >= _patience()


def _patience() -> timedelta:
    return timedelta(seconds=settings.ALERT_AFTER)


@transaction.atomic
def _lift(alarm: Alert) -> int:
    gone, _ = Alert.objects.filter(code=alarm.code).delete()
    # What failed has not ended, it is only no longer new.
    if not (gone and alarm.is_sent) or alarm.code.startswith(f"{kinds.FAILED.code}-"):
        return 0
    return _tell(_details(alarm.code, {"text": alarm.text}, alarm.since, over=True))


def details(trouble: Trouble, *, since: datetime, over: bool) -> dict[str, Any]:
    """Return what the mail about a trouble says."""
    kind = trouble.kind
    texts = {"meaning": kind.meaning, "remedy": kind.remedy, "where": kind.where}
    return _details(trouble.code, {"text": trouble.text, "reason": trouble.detail, **texts}, since, over=over)


def _details(code: str, words: Mapping[str, Any], since: datetime, *, over: bool) -> dict[str, Any]:
    return {"code": code, **words, "since": f"{since:%d %B %Y, %H:%M} UTC", "over": over}


def _tell(said: Mapping[str, Any]) -> int:
    made = [messages.queue(MessageKind.OPERATIONS, to=reader, details=said) for reader in _readers()]
    return sum(message is not None for message in made)


def addresses() -> list[str]:
    """Return where mails about troubles go."""
    readers = [reader for reader in _readers() if messages.may_receive(reader)]
    return [reader.address if isinstance(reader, Person) else reader for reader in readers]


def _readers() -> list[Person | str]:
    """Return the operations address; where none is set, the administrators."""
    address = preferences.read().operations_address
    return [address] if address else list(Person.objects.filter(is_administrator=True, is_active=True))
