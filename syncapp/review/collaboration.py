"""Working on the queue together: assigning and parking edits, comments, and who has an edit open.

None of this blocks a decision: every reviewer may decide every edit, even one that is assigned to someone else.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from syncapp import audit
from syncapp.models import Comment, Person, Presence, SyncRecord
from syncapp.models.folding import by_name
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import locked
from syncapp.models.person import Role
from syncapp.outbox import messages
from syncapp.review.errors import NotPossible

MAX_PARKING = timedelta(days=365)
MAX_LENGTH = 2000  # characters of a comment
PRESENCE_SECONDS = 45  # an open page reports every 15 s; after three missed reports it counts as closed
READERS = (Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR)


@transaction.atomic
def assign(record_id: uuid.UUID, *, to: Person | None, by: Person, channel: str = "screen") -> SyncRecord:
    """Assign an edit to a reviewer; with None, to no one. Raises NotPossible for a person who cannot review."""
    record = _lock(record_id)
    if to is not None and not to.has_role(Role.REVIEWER):
        raise NotPossible(f"{to.name} does not review.")
    before, record.assigned_to = record.assigned_to, to
    record.save(update_fields=["assigned_to"])
    audit.record("record.assigned", by=by, channel=channel, record_id=record.pk, before=_id(before), after=_id(to))
    return record


@transaction.atomic
def park(record_id: uuid.UUID, *, until: date, by: Person, channel: str = "screen") -> SyncRecord:
    """Hide an edit from the waiting list until a day. Raises NotPossible."""
    today = timezone.localdate()
    if not today < until <= today + MAX_PARKING:
        raise NotPossible("Choose a day between tomorrow and one year from today.")
    return _set_parking(record_id, "record.parked", until, by=by, channel=channel)


@transaction.atomic
def unpark(record_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncRecord:
    """Return a parked edit to the waiting list at once."""
    return _set_parking(record_id, "record.unparked", None, by=by, channel=channel)


def _set_parking(record_id: uuid.UUID, action: str, until: date | None, *, by: Person, channel: str) -> SyncRecord:
    record = _lock(record_id)
    before, record.parked_until = record.parked_until, until
    record.save(update_fields=["parked_until"])
    audit.record(action, by=by, channel=channel, record_id=record.pk, before=_iso(before), after=_iso(until))
    return record


@transaction.atomic
def add_comment(record_id: uuid.UUID, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Add a comment to an edit. Raises NotPossible if the text is empty or too long."""
    return _add(_lock(record_id), Comment.Kind.REMARK, text, by=by, channel=channel)


@transaction.atomic
def ask(record_id: uuid.UUID, *, colleague: Person, text: str, by: Person, channel: str = "screen") -> Comment:
    """Ask a colleague about an edit, by mail. Raises NotPossible for oneself or a person who may not see edits."""
    if colleague.pk == by.pk:
        raise NotPossible("Choose a colleague, not yourself.")
    if not colleague.has_role(*READERS):
        raise NotPossible(f"{colleague.name} may not see edits.")
    record = _lock(record_id)
    question = _add(record, Comment.Kind.QUESTION, text, by=by, channel=channel, asked=colleague)
    _mail(question, to=colleague)
    return question


@transaction.atomic
def answer(question_id: int, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Answer a question; any reader of the edit may. Raises NotPossible where there is no such question."""
    questions = Comment.objects.select_related("by").filter(kind=Comment.Kind.QUESTION)
    question = questions.filter(pk=question_id).first()
    if question is None:
        raise NotPossible("This question is no longer here.")
    record = _lock(question.record_id)
    answer = _add(record, Comment.Kind.ANSWER, text, by=by, channel=channel, question=question)
    if question.by_id != by.pk:
        _mail(answer, to=question.by)
    return answer


def text_problem(text: str) -> str:
    """Return why a comment, question or answer cannot be sent; '' when it can."""
    length = len(text.strip())
    if not length:
        return "There is nothing to send. Type a sentence."
    return f"This has {length} characters; at most {MAX_LENGTH} fit." if length > MAX_LENGTH else ""


def note_presence(record_id: uuid.UUID, *, by: Person) -> None:
    """Note that the person has this edit open, and delete their pages that were closed."""
    Presence.objects.filter(person=by, seen_at__lt=database_now(plus=-PRESENCE_SECONDS)).delete()
    Presence.objects.update_or_create(record_id=record_id, person=by, defaults={"seen_at": database_now()})


def others_viewing(record_id: uuid.UUID, *, person: Person) -> list[Person]:
    """Return the other people who have this edit open, by name."""
    since = database_now(plus=-PRESENCE_SECONDS)
    present = Presence.objects.filter(record_id=record_id, seen_at__gte=since).exclude(person=person)
    return by_name(each.person for each in present.select_related("person"))


def colleagues(person: Person) -> QuerySet[Person]:
    """Return the other active people who may see edits, and so can be asked."""
    may_see = Q(is_viewer=True) | Q(is_reviewer=True) | Q(is_administrator=True)
    return Person.objects.filter(may_see, is_active=True).exclude(pk=person.pk)


def _lock(record_id: uuid.UUID) -> SyncRecord:
    record = locked(SyncRecord.objects.filter(pk=record_id, is_stub=False)).first()
    if record is None:
        raise NotPossible("This edit is no longer here.")
    return record


def _add(
    record: SyncRecord,
    kind: Comment.Kind,
    text: str,
    *,
    by: Person,
    channel: str,
    asked: Person | None = None,
    question: Comment | None = None,
) -> Comment:
    if problem := text_problem(text):
        raise NotPossible(problem)
    text = text.strip()
    comment = Comment.objects.create(
        record=record, kind=kind, by=by, at=database_now(), text=text, asked=asked, question=question
    )
    details = {"comment": comment.pk, "asked": _id(asked)}
    audit.record(f"record.{kind}", by=by, channel=channel, record_id=record.pk, details=details, after=text)
    return comment


def _mail(comment: Comment, *, to: Person) -> None:
    messages.queue(comment.kind, to=to, record=comment.record, details={"comment": comment.pk})


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _id(person: Person | None) -> str | None:
    return str(person.pk) if person else None
