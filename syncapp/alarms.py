"""Telling the operators when the portal itself is in trouble, and when that is over. Told once each, whoever looks.

A worker cannot tell that no worker answers; for that `manage.py watch` runs outside of them, by cron or a timer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from syncapp import health, messages, preferences
from syncapp.filters import policy_rounds
from syncapp.health import Trouble
from syncapp.jobs import runner
from syncapp.models import Alarm, Gate, Person
from syncapp.models.message import MessageKind

PATIENCE = timedelta(seconds=60)  # what is over sooner than this wakes nobody
_FAILED = "failed-"
# A pause that the CRM asked for and a connection that is read only are no troubles; that mails do not leave can only
# be told by other means: the banner and /healthz.
_NOT_TOLD = (Gate.Name.CRM_THROTTLED, Gate.Name.SMTP, "read_only")


def watch() -> int:
    """Compare what is wrong with what was told; how many mails were made. Safe to run twice."""
    unreadable = health.unreadable_trouble()
    troubles = [*health.troubles(), *([unreadable] if unreadable else []), *_asking_policies(), *_failed_jobs()]
    found = {trouble.code: trouble for trouble in troubles if trouble.code not in _NOT_TOLD}
    told = {alarm.code: alarm for alarm in Alarm.objects.all()}
    made = sum(_raise(trouble) for code, trouble in found.items() if code not in told and _lasts(trouble))
    return made + sum(_lift(alarm) for code, alarm in told.items() if code not in found)


def _asking_policies() -> list[Trouble]:
    return [
        Trouble(
            f"policy-{policy.pk}", f"The policy “{policy.name}” has stopped itself. {policy.asks}", policy.stopped_at
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
            found.append(Trouble(f"{_FAILED}{job_type.name}-{latest:%j%H}", text))
    return found


def _lasts(trouble: Trouble) -> bool:
    return trouble.since is None or trouble.since <= timezone.now() - PATIENCE


@transaction.atomic
def _raise(trouble: Trouble) -> int:
    since = trouble.since or timezone.now()
    _, is_first = Alarm.objects.get_or_create(code=trouble.code, defaults={"text": trouble.text[:300], "since": since})
    return _tell(trouble.code, trouble.text, since, over=False) if is_first else 0


@transaction.atomic
def _lift(alarm: Alarm) -> int:
    gone, _ = Alarm.objects.filter(code=alarm.code).delete()
    if not gone or alarm.code.startswith(_FAILED):  # what failed has not ended, it is only no longer new
        return 0
    return _tell(alarm.code, alarm.text, alarm.since, over=True)


def _tell(code: str, text: str, since: datetime, *, over: bool) -> int:
    details = {"code": code, "text": text, "since": f"{since:%d %B %Y, %H:%M} UTC", "over": over}
    made = [messages.queue(MessageKind.OPERATIONS, to=reader, details=details) for reader in _readers()]
    return sum(message is not None for message in made)


def _readers() -> list[Person | str]:
    """The operations address; where none is set, the administrators."""
    address = preferences.read().operations_address
    return [address] if address else list(Person.objects.filter(is_administrator=True, is_active=True))
