"""Whom to tell what about edits: new ones by each reviewer's wish, overdue ones once, outcomes to their editors.

Each is safe to run twice and by two schedulers: how far a person was told is a column of that person, moved in the
transaction that makes the mail. The mails themselves are written when they are sent (`emails`).
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

MOST_LISTED = 20  # in one reminder
FLOOD = timedelta(minutes=10)  # more new edits within it than MAILS_BEFORE_DIGEST become a digest by themselves
HOUR = timedelta(hours=1)
DIGEST_HOUR = 7  # of the reader's day
KEEP_NEWS, KEEP_MAILS = timedelta(days=14), timedelta(days=90)
REMIND_SECONDS = 3600.0  # reminders are gathered, so that each edit that grows old does not send its own
EDITOR_PATIENCE = timedelta(seconds=60)  # who made an edit is read right after it; until then it may be the reader


def notify_new_edits() -> int:
    """Make the mails about edits that arrived since each reviewer was last told; how many were made."""
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if not _behind(newest).exists():
        return 0
    with transaction.atomic():
        _one_at_a_time("notices")
        newest = _known_until(newest)
        is_flood = _are_many(Arrival.objects.filter(at__gte=database_now(plus=-FLOOD.total_seconds())))
        people = locked(_behind(newest))
        made = 0
        for person in people:
            with runner.isolated(f"telling person {person.pk} of new edits"):
                made += _tell(person, newest, is_flood=is_flood)
        return made


def _are_many(news: QuerySet[Arrival]) -> bool:
    most = settings.MAILS_BEFORE_DIGEST
    return news[: most + 1].count() > most


def _behind(newest: int) -> QuerySet[Person]:
    """Reviewers who were not told of everything up to this arrival."""
    reviewers = Person.objects.filter(is_reviewer=True, is_active=True)
    return reviewers.filter(Q(notified_until__isnull=True) | Q(notified_until__lt=newest))


def _one_at_a_time(name: str) -> None:
    """Let two schedulers go through one after the other: the row's lock lasts until the transaction ends."""
    Heartbeat.objects.get_or_create(name=name)
    Heartbeat.objects.filter(name=name).update(asked_at=Now())


def _known_until(newest: int) -> int:
    """The last arrival before the first whose editor we have not read yet; nobody may be told of his own edit."""
    known = CrmUser.objects.filter(pk=OuterRef("record__editor_id"))
    since = database_now(plus=-EDITOR_PATIENCE.total_seconds())
    young = Arrival.objects.filter(at__gte=since, record__editor_id__isnull=False)
    first = young.filter(~Exists(known)).order_by("pk").values_list("pk", flat=True).first()
    return newest if first is None else min(newest, first - 1)


def _tell(person: Person, newest: int, *, is_flood: bool) -> int:
    """Make this person's mail, or leave it for later; 1 if one was made."""
    told = _known_at_first(person, newest) if person.notified_until is None else person.notified_until
    waiting = arrivals_for(person, after=told, until=newest)
    if not _wants_mail(person) or not waiting.exists():
        _told(person, newest)
        return 0
    kind = _kind_now(person, is_flood=is_flood or _are_many(waiting))
    if kind is None:
        return 0
    made = messages.queue(kind, to=person, details={"after": told, "until": newest})
    _told(person, newest)
    return int(made is not None)


def _known_at_first(person: Person, newest: int) -> int:
    """Somebody new is told of what arrived after the first sign-in; who has not signed in yet, from now on."""
    if person.signed_in_at is None:
        return newest
    before = Arrival.objects.filter(at__lt=person.signed_in_at, pk__lte=newest)
    return int(before.aggregate(last=Max("pk"))["last"] or 0)


def _told(person: Person, newest: int) -> None:
    Person.objects.filter(pk=person.pk).update(notified_until=newest)


def _wants_mail(person: Person) -> bool:
    return (
        person.notify != Person.Notify.OFF
        and not person.is_absent(timezone.localdate())
        and not preferences.read().backlog
    )


def _kind_now(person: Person, *, is_flood: bool) -> MessageKind | None:
    """Which mail the person's wish makes of what is new, or None while it is to be gathered further."""
    if person.notify == Person.Notify.AT_ONCE and not is_flood:
        return MessageKind.NEW_EDITS
    last = Message.objects.filter(recipient=person, kind=MessageKind.DIGEST).aggregate(last=Max("created_at"))["last"]
    due = _day_is_due(person, last) if person.notify == Person.Notify.DAILY else _hour_is_due(last)
    return MessageKind.DIGEST if due else None


def _hour_is_due(last: datetime | None) -> bool:
    return last is None or last <= timezone.now() - HOUR


def _day_is_due(person: Person, last: datetime | None) -> bool:
    zone = zone_of(person.time_zone)
    here = timezone.localtime(timezone.now(), zone)
    return here.hour >= DIGEST_HOUR and (last is None or timezone.localtime(last, zone).date() < here.date())


def arrivals_for(person: Person, *, after: int, until: int) -> QuerySet[Arrival]:
    """Arrivals after the one and up to the other that still wait, without the person's own edits."""
    waiting = Q(record__waiting_count__gt=0, record__is_stub=False)
    found = Arrival.objects.filter(waiting, pk__gt=after, pk__lte=until)
    return found.exclude(record__editor_id__in=crm_user_ids(person))


def crm_user_ids(person: Person) -> list[uuid.UUID]:
    """The CRM users that this person is."""
    return list(CrmUser.objects.filter(entra_id=person.oid).values_list("pk", flat=True))


def delete_old() -> None:
    """Delete news that every digest has told, and mails that were sent or failed long ago; part of the nightly work."""
    now = timezone.now()
    Arrival.objects.filter(at__lt=now - KEEP_NEWS).delete()
    Message.objects.filter(state__in=[JobState.DONE, JobState.FAILED], finished_at__lt=now - KEEP_MAILS).delete()


def send_reminders() -> int:
    """Remind once of each edit that waits too long: whom it is assigned to, or else every reviewer who is here."""
    rules = preferences.read()
    late = _overdue(rules.overdue_hours)
    if rules.backlog or not late.exists():
        return 0
    with transaction.atomic():
        if not _hour_has_passed():
            return 0
        made = 0
        for person, mine in _by_reader(late):
            with runner.isolated(f"reminding person {person.pk}"):
                made += _remind(person, mine)
        lock(late)
        late.update(reminded_at=Now())
    return made


def _overdue(hours: int) -> Any:
    """Edits that wait for longer than these hours and are not put off, which nobody was reminded of."""
    since = timezone.now() - timedelta(hours=hours)
    late = SyncRecord.objects.waiting().filter(reminded_at__isnull=True, edited_on__lt=since)
    return late.filter(Q(parked_until__isnull=True) | Q(parked_until__lte=timezone.localdate()))


def _hour_has_passed() -> bool:
    Heartbeat.objects.get_or_create(name="reminders")
    due = Q(answered_at__isnull=True) | Q(answered_at__lte=database_now(plus=-REMIND_SECONDS))
    return Heartbeat.objects.filter(due, name="reminders").update(answered_at=Now()) == 1


def _by_reader(late: Any) -> Iterable[tuple[Person, Any]]:
    """Each reader with what is his: assigned edits go to their person or deputy, the others to everybody."""
    reviewers = {person.pk: person for person in Person.objects.filter(is_reviewer=True, is_active=True)}
    owners: dict[uuid.UUID, list[uuid.UUID]] = {}
    for owner in reviewers.values():
        owners.setdefault(acting_deputy(owner).pk, []).append(owner.pk)
    for reader_id, owner_ids in owners.items():
        reader = reviewers.get(reader_id)
        if reader is not None:
            mine = Q(assigned_to__in=owner_ids) | Q(assigned_to__isnull=True) | ~Q(assigned_to__in=list(reviewers))
            yield reader, late.filter(mine).exclude(editor_id__in=crm_user_ids(reader))


def _remind(person: Person, mine: Any) -> int:
    """A reminder refers to the edits and repeats none of their values."""
    if person.notify == Person.Notify.OFF:
        return 0
    ids = [str(pk) for pk in mine.order_by("edited_on", "pk").values_list("pk", flat=True)[:MOST_LISTED]]
    if not ids:
        return 0
    details = {"records": ids, "count": mine.count()}
    return int(messages.queue(MessageKind.OVERDUE, to=person, details=details) is not None)


def notify_editors(record_ids: Iterable[uuid.UUID]) -> int:
    """Tell the editors what became of these edits, where nothing of them is left to do; once for each edit."""
    if not preferences.read().tell_editors:
        return 0
    done = SyncRecord.objects.decided().filter(pk__in=list(record_ids), editor_id__isnull=False)
    return sum(_tell_editor(record) for record in done)


def _tell_editor(record: SyncRecord) -> int:
    editor = CrmUser.objects.filter(
        is_disabled=False, pk__in=SyncRecord.objects.filter(pk=record.pk).values("editor_id")
    ).first()
    by_people = Decision.objects.filter(field__record=record, decided_by__isnull=False, finished_at__isnull=False)
    if editor is None or not editor.address or not by_people.exists():
        return 0
    once = f"outcome:{record.pk}"
    return int(messages.queue(MessageKind.OUTCOME, to=editor.address, record=record, once=once) is not None)
