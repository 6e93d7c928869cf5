"""Reviewer notifications: new edits, reminders of overdue ones, and outcomes for the editors.

Each is safe to run twice and by two schedulers: the position up to which a person was notified is a column of that
person, moved in the transaction that queues the mail. The mails are written when they are sent (`notifications`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
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
DIGEST_HOUR = 7  # in the recipient's time zone
ARRIVAL_RETENTION, MAIL_RETENTION = timedelta(days=14), timedelta(days=90)
REMIND_SECONDS = 3600.0  # between reminders, so that overdue edits share one mail
EDITOR_PATIENCE = timedelta(seconds=60)  # time to read the editor of a new edit, who could be the recipient


def notify_new_edits() -> int:
    """Queue mails about edits that arrived since each reviewer was last notified; return how many."""
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if not _not_notified(newest).exists():
        return 0
    with transaction.atomic():
        # Two schedulers take turns: the lock on this row lasts until the transaction ends.
        Heartbeat.objects.get_or_create(name="notices")
        Heartbeat.objects.filter(name="notices").update(asked_at=Now())
        # People are not notified of their own edits, so edits whose editor is not read yet wait a moment.
        known = CrmUser.objects.filter(pk=OuterRef("record__editor_id"))
        just_arrived = Arrival.objects.filter(at__gte=database_now(plus=-EDITOR_PATIENCE.total_seconds()))
        unread = just_arrived.filter(~Exists(known), record__editor_id__isnull=False).order_by("pk")
        first_unread = unread.values_list("pk", flat=True).first()
        if first_unread is not None:
            newest = min(newest, first_unread - 1)
        recent = Arrival.objects.filter(at__gte=database_now(plus=-FLOOD_WINDOW.total_seconds()))
        is_flood = _exceeds_digest_limit(recent)
        queued = 0
        for person in locked(_not_notified(newest)):
            with runner.isolated(f"notifying person {person.pk} of new edits"):
                queued += _notify(person, newest, is_flood=is_flood)
        return queued


def _exceeds_digest_limit(arrivals: QuerySet[Arrival]) -> bool:
    limit = settings.MAILS_BEFORE_DIGEST
    return arrivals[: limit + 1].count() > limit


def _not_notified(newest: int) -> QuerySet[Person]:
    """Return active reviewers who have not yet been notified of all arrivals up to `newest`."""
    reviewers = Person.objects.filter(is_reviewer=True, is_active=True)
    return reviewers.filter(Q(notified_until__isnull=True) | Q(notified_until__lt=newest))


def _notify(person: Person, newest: int, *, is_flood: bool) -> int:
    """Queue this person's mail, or leave it for later; return how many were queued."""
    after = newest if person.notified_until is None else person.notified_until
    if person.notified_until is None and person.signed_in_at is not None:
        # The first mail is about edits that arrived since the first sign-in.
        before = Arrival.objects.filter(at__lt=person.signed_in_at, pk__lte=newest)
        after = int(before.aggregate(last=Max("pk"))["last"] or 0)
    waiting = arrivals_for(person, after=after, until=newest)
    is_away = person.notify == Person.Notify.OFF or person.is_absent(timezone.localdate())
    queued = 0
    if not is_away and not preferences.read().backlog and waiting.exists():
        kind = MessageKind.NEW_EDITS
        if person.notify != Person.Notify.AT_ONCE or is_flood or _exceeds_digest_limit(waiting):
            kind = MessageKind.DIGEST
            digests = Message.objects.filter(recipient=person, kind=kind)
            last = digests.aggregate(last=Max("created_at"))["last"]
            if person.notify == Person.Notify.DAILY:
                zone = zone_of(person.time_zone)
                now = timezone.localtime(timezone.now(), zone)
                is_new_day = last is None or timezone.localtime(last, zone).date() < now.date()
                is_due = is_new_day and now.hour >= DIGEST_HOUR
            else:
                is_due = last is None or last <= timezone.now() - HOUR
            if not is_due:
                return 0  # new edits are still collected
        message = messages.queue(kind, to=person, details={"after": after, "until": newest})
        queued = int(message is not None)
    Person.objects.filter(pk=person.pk).update(notified_until=newest)
    return queued


def arrivals_for(person: Person, *, after: int, until: int) -> QuerySet[Arrival]:
    """Return the arrivals in (after, until] that still wait for a decision, except the person's own edits."""
    waiting = Q(record__waiting_count__gt=0, record__is_stub=False)
    found = Arrival.objects.filter(waiting, pk__gt=after, pk__lte=until)
    return found.exclude(record__editor_id__in=crm_user_ids(person))


def crm_user_ids(person: Person) -> list[uuid.UUID]:
    """Return the ids of the CRM users with this person's Entra id."""
    return list(CrmUser.objects.filter(entra_id=person.oid).values_list("pk", flat=True))


def delete_old() -> None:
    """Delete old arrivals, and mails that were sent or failed long ago; part of the nightly cleanup."""
    now = timezone.now()
    Arrival.objects.filter(at__lt=now - ARRIVAL_RETENTION).delete()
    Message.objects.filter(state__in=[JobState.DONE, JobState.FAILED], finished_at__lt=now - MAIL_RETENTION).delete()


def send_reminders() -> int:
    """Queue reminders of overdue edits, each edit once and one mail per person; return how many mails.

    Parked edits are left out. The mails name the edits without their values.
    """
    current = preferences.read()
    since = timezone.now() - timedelta(hours=current.overdue_hours)
    late = SyncRecord.objects.waiting().filter(reminded_at__isnull=True, edited_on__lt=since)
    late = late.filter(Q(parked_until__isnull=True) | Q(parked_until__lte=timezone.localdate()))
    if current.backlog or not late.exists():
        return 0
    with transaction.atomic():
        Heartbeat.objects.get_or_create(name="reminders")
        is_due = Q(answered_at__isnull=True) | Q(answered_at__lte=database_now(plus=-REMIND_SECONDS))
        if Heartbeat.objects.filter(is_due, name="reminders").update(answered_at=Now()) != 1:
            return 0
        queued = 0
        for person, own in _by_recipient(late):
            with runner.isolated(f"reminding person {person.pk}"):
                ids = [str(pk) for pk in own.order_by("edited_on", "pk").values_list("pk", flat=True)[:MAX_LISTED]]
                if ids and person.notify != Person.Notify.OFF:
                    details = {"records": ids, "count": own.count()}
                    message = messages.queue(MessageKind.OVERDUE, to=person, details=details)
                    queued += message is not None
        lock(late)
        late.update(reminded_at=Now())
    return queued


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


def notify_editors(record_ids: Iterable[uuid.UUID]) -> int:
    """Queue a mail about the outcome of each completely decided edit to its editor, once; return how many."""
    if not preferences.read().tell_editors:
        return 0
    queued = 0
    for record in SyncRecord.objects.decided().filter(pk__in=list(record_ids)):
        editor = CrmUser.objects.filter(is_disabled=False, pk=record.editor_id).first() if record.editor_id else None
        by_people = Decision.objects.filter(field__record=record, decided_by__isnull=False, finished_at__isnull=False)
        if editor is not None and editor.address and by_people.exists():
            once = f"outcome:{record.pk}"
            queued += messages.queue(MessageKind.OUTCOME, to=editor.address, record=record, once=once) is not None
    return queued
