"""Working on the queue together: whose edit it is, until when it is put off, what colleagues say, who has it open.

None of this blocks a decision: whoever may review decides every edit, also one that is assigned to somebody else.
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
MAX_LENGTH = 2000
PRESENCE_SECONDS = 45  # a page tells every 15 s that it is open; three that do not come mean that it was closed
READERS = (Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR)


@transaction.atomic
def assign(record_id: uuid.UUID, *, to: Person | None, by: Person, channel: str = "screen") -> SyncRecord:
    """Say whose edit it is, or with None nobody's. Raises NotPossible for somebody who cannot review."""
    record = _locked(record_id)
    if to is not None and not to.has_role(Role.REVIEWER):
        raise NotPossible(f"{to.name} does not review.")
    before, record.assigned_to = record.assigned_to, to
    record.save(update_fields=["assigned_to"])
    _note("record.assigned", record, by=by, channel=channel, before=_id(before), after=_id(to))
    return record


@transaction.atomic
def park(record_id: uuid.UUID, *, until: date, by: Person, channel: str = "screen") -> SyncRecord:
    """Take an edit out of the waiting ones until a day, on which it is back by itself. Raises NotPossible."""
    today = timezone.localdate()
    if not today < until <= today + MAX_PARKING:
        raise NotPossible("Choose a day from tomorrow on, within a year.")
    record = _locked(record_id)
    before, record.parked_until = record.parked_until, until
    record.save(update_fields=["parked_until"])
    _note("record.parked", record, by=by, channel=channel, before=_day(before), after=_day(until))
    return record


@transaction.atomic
def unpark(record_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncRecord:
    """Let an edit wait again at once."""
    record = _locked(record_id)
    before, record.parked_until = record.parked_until, None
    record.save(update_fields=["parked_until"])
    _note("record.unparked", record, by=by, channel=channel, before=_day(before), after=None)
    return record


@transaction.atomic
def add_remark(record_id: uuid.UUID, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Say something about an edit. Raises NotPossible where there is nothing to read, or too much."""
    return _say(_locked(record_id), Comment.Kind.REMARK, text, by=by, channel=channel)


@transaction.atomic
def ask(record_id: uuid.UUID, *, whom: Person, text: str, by: Person, channel: str = "screen") -> Comment:
    """Ask a colleague about an edit. Raises NotPossible for oneself, or for somebody who may not see it."""
    if whom.pk == by.pk:
        raise NotPossible("Ask somebody else than yourself.")
    if not whom.has_role(*READERS):
        raise NotPossible(f"{whom.name} may not see edits.")
    record = _locked(record_id)
    question = _say(record, Comment.Kind.QUESTION, text, by=by, channel=channel, asked=whom)
    _mail(question, to=whom)
    return question


@transaction.atomic
def answer(question_id: int, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Answer a question, whoever was asked. Raises NotPossible where there is no such question."""
    questions = Comment.objects.select_related("by").filter(kind=Comment.Kind.QUESTION)
    question = questions.filter(pk=question_id).first()
    if question is None:
        raise NotPossible("This question is no longer here.")
    record = _locked(question.record_id)
    answer = _say(record, Comment.Kind.ANSWER, text, by=by, channel=channel, question=question)
    if question.by_id != by.pk:
        _mail(answer, to=question.by)
    return answer


def note_presence(record_id: uuid.UUID, *, by: Person) -> None:
    """The person's page of this edit is open now; forgets the pages that closed."""
    Presence.objects.filter(person=by, seen_at__lt=database_now(plus=-PRESENCE_SECONDS)).delete()
    Presence.objects.update_or_create(record_id=record_id, person=by, defaults={"seen_at": database_now()})


def others_viewing(record_id: uuid.UUID, *, person: Person) -> list[Person]:
    """Who else has this edit open, by name."""
    since = database_now(plus=-PRESENCE_SECONDS)
    here = Presence.objects.filter(record_id=record_id, seen_at__gte=since).exclude(person=person)
    return by_name(each.person for each in here.select_related("person"))


def colleagues(person: Person) -> QuerySet[Person]:
    """Return who can be asked: everybody but oneself who may see edits."""
    may_see = Q(is_viewer=True) | Q(is_reviewer=True) | Q(is_administrator=True)
    return Person.objects.filter(may_see, is_active=True).exclude(pk=person.pk)


def _locked(record_id: uuid.UUID) -> SyncRecord:
    record = locked(SyncRecord.objects.filter(pk=record_id, is_stub=False)).first()
    if record is None:
        raise NotPossible("This edit is no longer here.")
    return record


def text_problem(text: str) -> str:
    """Return why a remark, question or answer cannot be sent; '' when it can."""
    length = len(text.strip())
    if not length:
        return "There is nothing to send. Type a sentence."
    return f"This has {length} characters; at most {MAX_LENGTH} fit." if length > MAX_LENGTH else ""


def _say(
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
    said = text.strip()
    of_kind = {"kind": kind, "asked": asked, "question": question}
    comment = Comment.objects.create(record=record, by=by, at=database_now(), text=said, **of_kind)
    details = {"comment": comment.pk, "asked": _id(asked)}
    audit.record(f"record.{kind}", by=by, channel=channel, record_id=record.pk, details=details, after=said)
    return comment


def _mail(comment: Comment, *, to: Person) -> None:
    messages.queue(comment.kind, to=to, record=comment.record, details={"comment": comment.pk})


def _note(action: str, record: SyncRecord, *, by: Person, channel: str, before: str | None, after: str | None) -> None:
    audit.record(action, by=by, channel=channel, record_id=record.pk, before=before, after=after)


def _id(person: Person | None) -> str | None:
    return str(person.pk) if person else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
