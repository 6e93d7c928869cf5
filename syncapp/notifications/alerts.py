"""Operator alerts: one mail when a trouble lasts, and one when it is over.

    noticed ─▶ mail sent, after ALERT_AFTER seconds ─▶ over: second mail, if there was a first

Time counts from the first check that found the trouble, not from its beginning: after a restart, workers need a moment
to answer, which does not justify a mail. Workers cannot report that no worker answers, so `manage.py watch` runs
outside them, by cron or a timer.
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
from syncapp.connection import clients, credentials
from syncapp.health import Trouble, kinds
from syncapp.jobs import runner
from syncapp.models import Alert, FilterPolicy, Person
from syncapp.models.outbox import MessageKind
from syncapp.outbox import messages

# A longer gap between checks means that the portal itself had stopped, so the count starts again.
MAX_GAP = timedelta(minutes=3)


def queue_alerts() -> int:
    """Queue mails about troubles that persist and troubles that are over; return the number of mails."""
    clients.probe_sign_in()
    unreadable = health.find_unreadable_rows()
    troubles = [*health.troubles(), *([unreadable] if unreadable else [])]
    for policy in FilterPolicy.objects.needing_decision():
        text = f"The policy “{policy.name}” stopped and needs a decision. {policy.asks}"
        troubles.append(Trouble(kinds.POLICY, text, instance=str(policy.pk), since=policy.stopped_at))
    troubles += [
        Trouble(kinds.CREDENTIAL, end.sentence, instance=f"{end.setting.lower()}-{end.step}")
        for end in credentials.expiries()
        if end.step is not None
    ]
    for job_type in runner.job_types():
        failed = job_type.failed_unexpectedly().filter(finished_at__gt=timezone.now() - timedelta(days=1))
        count, latest = failed.count(), failed.aggregate(latest=Max("finished_at"))["latest"]
        if latest is not None:
            text = (
                f"{job_type.title}: {count} failed with an unexpected error. See {job_type.failures_at}, and the log."
            )
            # The hour is part of the instance, so that failures in a later hour raise a new alert.
            troubles.append(Trouble(kinds.FAILED, text, instance=f"{job_type.name}-{latest:%j%H}"))
    trouble_by_code = {trouble.code: trouble for trouble in troubles if trouble.kind.is_mailed}
    alert_by_code = {alert.code: alert for alert in Alert.objects.all()}
    queued = sum(_raise_alert(trouble, alert_by_code.get(code)) for code, trouble in trouble_by_code.items())
    return queued + sum(_resolve(alert) for code, alert in alert_by_code.items() if code not in trouble_by_code)


@transaction.atomic
def _raise_alert(trouble: Trouble, alert: Alert | None) -> int:
    """Record that the trouble was seen, and queue its mails once it has lasted; return the number of mails."""
    now = health.Observations().now  # the database's clock, since workers of several hosts take turns
    if alert is None:
        first = {"text": trouble.text[:300], "since": trouble.since or now, "first_seen_at": now, "seen_at": now}
        alert, _ = Alert.objects.get_or_create(code=trouble.code, defaults=first)
    if alert.is_sent:
        return 0
    is_due = mark_seen(alert, now=now)
    if not trouble.kind.is_failure:  # for an event, time counts from its beginning
        is_due = trouble.since is None or now - trouble.since >= timedelta(seconds=settings.ALERT_AFTER)
    fields = {"first_seen_at": alert.first_seen_at, "seen_at": alert.seen_at, "is_sent": is_due}
    is_ours = Alert.objects.filter(code=alert.code, is_sent=False).update(**fields) == 1
    return _queue_mails(details(trouble, since=alert.since, is_over=False)) if is_due and is_ours else 0


def mark_seen(alert: Alert, *, now: datetime) -> bool:
    """Record on the alert that its trouble persists; return whether it has lasted for ALERT_AFTER seconds."""
    is_uninterrupted = alert.seen_at is not None and now - alert.seen_at <= MAX_GAP
    if alert.first_seen_at is None or not is_uninterrupted:
        alert.first_seen_at = now
    alert.seen_at = now
    return now - alert.first_seen_at >= timedelta(seconds=settings.ALERT_AFTER)


@transaction.atomic
def _resolve(alert: Alert) -> int:
    deleted, _ = Alert.objects.filter(code=alert.code).delete()
    # Failed jobs stay failed and only stop being recent. A credential gets another alert as it nears its end.
    if not (deleted and alert.is_sent) or alert.code.startswith((f"{kinds.FAILED.code}-", f"{kinds.CREDENTIAL.code}-")):
        return 0
    return _queue_mails(_details(alert.code, {"text": alert.text}, alert.since, is_over=True))


def details(trouble: Trouble, *, since: datetime, is_over: bool) -> dict[str, Any]:
    """Return the details of a mail about a trouble, as `outbox.messages` describes them."""
    kind = trouble.kind
    texts = {"meaning": kind.meaning, "remedy": kind.remedy, "where": kind.where}
    return _details(trouble.code, {"text": trouble.text, "reason": trouble.detail, **texts}, since, is_over=is_over)


def _details(code: str, texts: Mapping[str, Any], since: datetime, *, is_over: bool) -> dict[str, Any]:
    return {"code": code, **texts, "since": f"{since:%d %B %Y, %H:%M} UTC", "over": is_over}


def _queue_mails(details: Mapping[str, Any]) -> int:
    queued = [messages.queue(MessageKind.OPERATIONS, to=recipient, details=details) for recipient in _recipients()]
    return sum(message is not None for message in queued)


def recipient_addresses() -> list[str]:
    """Return the addresses that get mails about troubles."""
    recipients = [recipient for recipient in _recipients() if messages.may_receive(recipient)]
    return [recipient.address if isinstance(recipient, Person) else recipient for recipient in recipients]


def _recipients() -> list[Person | str]:
    """Return the operations address, or the administrators if it is not set."""
    address = preferences.read().operations_address
    return [address] if address else list(Person.objects.filter(is_administrator=True, is_active=True))
