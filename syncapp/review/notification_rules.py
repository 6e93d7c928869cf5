"""Reviewer notifications: new edits, reminders of overdue ones, and outcomes for the editors.

Each is safe to run twice and by two schedulers: the position up to which a person was notified is a column of that
person, moved in the transaction that queues the mail. The mails are written when they are sent (`notifications`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import preferences
from syncapp.accounts.absence import acting_deputy
from syncapp.jobs import runner
from syncapp.models import Arrival, CrmUser, Decision, Heartbeat, Message, Person, SyncRecord
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.locking import lock, locked
from syncapp.models.outbox import MessageKind
from syncapp.outbox import messages
from syncapp.text.time_zones import zone_of

MAX_LISTED = 20  # edits in one reminder
FLOOD_WINDOW = timedelta(minutes=10)  # more than MAILS_BEFORE_DIGEST new edits within it become a digest
HOUR = timedelta(hours=1)
DIGEST_HOUR = 7  # in the reader's time zone
KEEP_ARRIVALS, KEEP_MAILS = timedelta(days=14), timedelta(days=90)
REMIND_SECONDS = 3600.0  # between reminders, so that overdue edits share one mail
EDITOR_PATIENCE = timedelta(seconds=60)  # time to read the editor of a new edit, who could be the recipient


def notify_new_edits() -> int:
    """Queue mails about edits that arrived since each reviewer was last notified; return how many."""
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if not _not_notified(newest).exists():
        return 0
    with transaction.atomic():
        # Two schedulers go one after the other: the lock of this row lasts until the transaction ends.
        Heartbeat.objects.get_or_create(name="notices")
        Heartbeat.objects.filter(name="notices").update(asked_at=Now())
        newest = _last_with_known_editor(newest)
        is_flood = _are_many(Arrival.objects.filter(at__gte=database_now(plus=-FLOOD_WINDOW.total_seconds())))
        queued = 0
        for person in locked(_not_notified(newest)):
            with runner.isolated(f"notifying person {person.pk} of new edits"):
                queued += _notify(person, newest, is_flood=is_flood)
        return queued


def _are_many(arrivals: QuerySet[Arrival]) -> bool:
    limit = settings.MAILS_BEFORE_DIGEST
    return arrivals[: limit + 1].count() > limit


def _not_notified(newest: int) -> QuerySet[Person]:
    """Return reviewers who have not been notified up to this arrival."""
    reviewers = Person.objects.filter(is_reviewer=True, is_active=True)
    return reviewers.filter(Q(notified_until__isnull=True) | Q(notified_until__lt=newest))


def _last_with_known_editor(newest: int) -> int:
    """Return the last arrival before the first with an unread editor; people are not notified of their own edits."""
    known = CrmUser.objects.filter(pk=OuterRef("record__editor_id"))
    since = database_now(plus=-EDITOR_PATIENCE.total_seconds())
    recent = Arrival.objects.filter(at__gte=since, record__editor_id__isnull=False)
    first = recent.filter(~Exists(known)).order_by("pk").values_list("pk", flat=True).first()
    return newest if first is None else min(newest, first - 1)


def _notify(person: Person, newest: int, *, is_flood: bool) -> int:
    """Queue this person's mail, or leave it for later; return how many were queued."""
    after = _first_position(person, newest) if person.notified_until is None else person.notified_until
    waiting = arrivals_for(person, after=after, until=newest)
    queued = 0
    if _wants_mail(person) and waiting.exists():
        kind = _mail_kind(person, is_flood=is_flood or _are_many(waiting))
        if kind is None:
            return 0
        message = messages.queue(kind, to=person, details={"after": after, "until": newest})
        queued = int(message is not None)
    Person.objects.filter(pk=person.pk).update(notified_until=newest)
    return queued


def _first_position(person: Person, newest: int) -> int:
    """Return the last arrival before the person's first sign-in; before it, the newest one."""
    if person.signed_in_at is None:
        return newest
    before = Arrival.objects.filter(at__lt=person.signed_in_at, pk__lte=newest)
    return int(before.aggregate(last=Max("pk"))["last"] or 0)


def _wants_mail(person: Person) -> bool:
    return (
        person.notify != Person.Notify.OFF
        and not person.is_absent(timezone.localdate())
        and not preferences.read().backlog
    )


def _mail_kind(person: Person, *, is_flood: bool) -> MessageKind | None:
    """Return the kind of mail that is due by the person's preference; None while new edits are still collected."""
    if person.notify == Person.Notify.AT_ONCE and not is_flood:
        return MessageKind.NEW_EDITS
    last = Message.objects.filter(recipient=person, kind=MessageKind.DIGEST).aggregate(last=Max("created_at"))["last"]
    if person.notify == Person.Notify.DAILY:
        is_due = _is_daily_due(person, last)
    else:
        is_due = last is None or last <= timezone.now() - HOUR
    return MessageKind.DIGEST if is_due else None


def _is_daily_due(person: Person, last: datetime | None) -> bool:
    zone = zone_of(person.time_zone)
    now = timezone.localtime(timezone.now(), zone)
    return now.hour >= DIGEST_HOUR and (last is None or timezone.localtime(last, zone).date() < now.date())


def arrivals_for(person: Person, *, after: int, until: int) -> QuerySet[Arrival]:
    """Return the arrivals in (after, until] that still wait for a decision, without the person's own edits."""
    waiting = Q(record__waiting_count__gt=0, record__is_stub=False)
    found = Arrival.objects.filter(waiting, pk__gt=after, pk__lte=until)
    return found.exclude(record__editor_id__in=crm_user_ids(person))


def crm_user_ids(person: Person) -> list[uuid.UUID]:
    """Return the ids of the CRM users with this person's Entra id."""
    return list(CrmUser.objects.filter(entra_id=person.oid).values_list("pk", flat=True))


def delete_old() -> None:
    """Delete old arrivals, and mails that were sent or failed long ago; part of the nightly cleanup."""
    now = timezone.now()
    Arrival.objects.filter(at__lt=now - KEEP_ARRIVALS).delete()
    Message.objects.filter(state__in=[JobState.DONE, JobState.FAILED], finished_at__lt=now - KEEP_MAILS).delete()


def send_reminders() -> int:
    """Queue one reminder of each overdue edit, to its assignee or to all present reviewers; return how many mails."""
    current = preferences.read()
    late = _overdue(current.overdue_hours)
    if current.backlog or not late.exists():
        return 0
    with transaction.atomic():
        if not _claim_hour():
            return 0
        queued = 0
        for person, own in _by_recipient(late):
            with runner.isolated(f"reminding person {person.pk}"):
                queued += _remind(person, own)
        lock(late)
        late.update(reminded_at=Now())
    return queued


def _overdue(hours: int) -> Any:
    """Return edits that wait longer than these hours, are not parked and have had no reminder."""
    since = timezone.now() - timedelta(hours=hours)
    late = SyncRecord.objects.waiting().filter(reminded_at__isnull=True, edited_on__lt=since)
    return late.filter(Q(parked_until__isnull=True) | Q(parked_until__lte=timezone.localdate()))


def _claim_hour() -> bool:
    """Return whether REMIND_SECONDS have passed since the last reminders, and start the next interval if so."""
    Heartbeat.objects.get_or_create(name="reminders")
    due = Q(answered_at__isnull=True) | Q(answered_at__lte=database_now(plus=-REMIND_SECONDS))
    return Heartbeat.objects.filter(due, name="reminders").update(answered_at=Now()) == 1


def _by_recipient(late: Any) -> Iterable[tuple[Person, Any]]:
    """Yield each recipient with their edits: assigned edits for the assignee or deputy, the others for everyone."""
    reviewers = {person.pk: person for person in Person.objects.filter(is_reviewer=True, is_active=True)}
    owners: dict[uuid.UUID, list[uuid.UUID]] = {}
    for owner in reviewers.values():
        owners.setdefault(acting_deputy(owner).pk, []).append(owner.pk)
    for recipient_id, owner_ids in owners.items():
        recipient = reviewers.get(recipient_id)
        if recipient is not None:
            own = Q(assigned_to__in=owner_ids) | Q(assigned_to__isnull=True) | ~Q(assigned_to__in=list(reviewers))
            yield recipient, late.filter(own).exclude(editor_id__in=crm_user_ids(recipient))


def _remind(person: Person, edits: Any) -> int:
    """Queue a reminder that names the edits without their values; return how many were queued."""
    if person.notify == Person.Notify.OFF:
        return 0
    ids = [str(pk) for pk in edits.order_by("edited_on", "pk").values_list("pk", flat=True)[:MAX_LISTED]]
    if not ids:
        return 0
    details = {"records": ids, "count": edits.count()}
    return int(messages.queue(MessageKind.OVERDUE, to=person, details=details) is not None)


def notify_editors(record_ids: Iterable[uuid.UUID]) -> int:
    """Queue a mail about the outcome of each completely decided edit to its editor, once; return how many."""
    if not preferences.read().tell_editors:
        return 0
    done = SyncRecord.objects.decided().filter(pk__in=list(record_ids), editor_id__isnull=False)
    return sum(_notify_editor(record) for record in done)


def _notify_editor(record: SyncRecord) -> int:
    editor = CrmUser.objects.filter(
        is_disabled=False, pk__in=SyncRecord.objects.filter(pk=record.pk).values("editor_id")
    ).first()
    by_people = Decision.objects.filter(field__record=record, decided_by__isnull=False, finished_at__isnull=False)
    if editor is None or not editor.address or not by_people.exists():
        return 0
    once = f"outcome:{record.pk}"
    return int(messages.queue(MessageKind.OUTCOME, to=editor.address, record=record, once=once) is not None)
