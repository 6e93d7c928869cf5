"""Collaboration in the queue: assigned and parked edits, comments, and the people who have an edit open.

None of this blocks a decision: every reviewer may decide every edit, even one that is assigned to someone else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import Comment, CrmUser, Person, Presence, SyncRecord
from syncapp.models.folding import by_name
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import locked, retried
from syncapp.models.outbox import MessageKind
from syncapp.models.person import Role
from syncapp.outbox import messages
from syncapp.review.errors import NotPossible

MAX_PARKING = timedelta(days=365)
MAX_LENGTH = 2000  # characters of a comment
CHUNK = 200  # edits in one transaction
PRESENCE_SECONDS = 45  # an open page reports every 15 s; after three missed reports it counts as closed
READER_ROLES = (Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR)
MAY_SEE_EDITS = Q(is_viewer=True) | Q(is_reviewer=True) | Q(is_administrator=True)


@transaction.atomic
def assign(record_id: uuid.UUID, *, to: Person | None, by: Person, channel: str = "screen") -> SyncRecord:
    """Assign an edit to a reviewer, or to no one if `to` is None. Raises NotPossible for a person who cannot review."""
    record = _lock(record_id)
    _check_reviewer(to)
    before, record.assigned_to = record.assigned_to, to
    record.save(update_fields=["assigned_to"])
    audit.record(
        "record.assigned", by=by, channel=channel, record_id=record.pk, before=_as_text(before), after=_as_text(to)
    )
    return record


def assign_all(record_ids: Sequence[uuid.UUID], *, to: Person | None, by: Person) -> int:
    """Assign several undecided edits; return how many. Raises NotPossible for a person who cannot review."""
    _check_reviewer(to)
    return _set_for_all(record_ids, "record.assigned", "assigned_to", to, by=by)


def park_all(record_ids: Sequence[uuid.UUID], *, until: date, by: Person) -> int:
    """Hide several undecided edits from the waiting list until a day; return how many. Raises NotPossible."""
    _check_day(until)
    return _set_for_all(record_ids, "record.parked", "parked_until", until, by=by)


def unpark_all(record_ids: Sequence[uuid.UUID], *, by: Person) -> int:
    """Move several parked edits back to the waiting list; return how many."""
    return _set_for_all(record_ids, "record.unparked", "parked_until", None, by=by)


def _set_for_all(ids: Sequence[uuid.UUID], action: str, column: str, value: Person | date | None, *, by: Person) -> int:
    """Set a column of these edits in short transactions, each with its audit entries."""
    group = uuid.uuid4()
    parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return sum(_set_column(part, action, column, value, by=by, group=group) for part in parts)


@retried
def _set_column(
    ids: Sequence[uuid.UUID], action: str, column: str, value: Person | date | None, *, by: Person, group: uuid.UUID
) -> int:
    undecided = SyncRecord.objects.visible().filter(Q(waiting_count__gt=0) | Q(attention_count__gt=0), pk__in=ids)
    records = list(locked(undecided).select_related("assigned_to"))
    SyncRecord.objects.filter(pk__in=[record.pk for record in records]).update(**{column: value})
    after = _as_text(value)
    facts = [
        audit.Fact(
            action,
            by=by,
            channel="selection",
            group=group,
            record_id=record.pk,
            before=_as_text(getattr(record, column)),
            after=after,
        )
        for record in records
    ]
    audit.record_all(facts)
    return len(records)


@transaction.atomic
def park(record_id: uuid.UUID, *, until: date, by: Person, channel: str = "screen") -> SyncRecord:
    """Hide an edit from the waiting list until a day. Raises NotPossible."""
    _check_day(until)
    return _set_parking(record_id, "record.parked", until, by=by, channel=channel)


@transaction.atomic
def unpark(record_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncRecord:
    """Move a parked edit back to the waiting list before its day."""
    return _set_parking(record_id, "record.unparked", None, by=by, channel=channel)


def _check_reviewer(person: Person | None) -> None:
    if person is not None and not person.has_role(Role.REVIEWER):
        raise NotPossible(f"{person.name} is not a reviewer.")


def _check_day(until: date) -> None:
    today = timezone.localdate()
    if not today < until <= today + MAX_PARKING:
        raise NotPossible("Choose a day between tomorrow and one year from today.")


def _set_parking(record_id: uuid.UUID, action: str, until: date | None, *, by: Person, channel: str) -> SyncRecord:
    record = _lock(record_id)
    before, record.parked_until = record.parked_until, until
    record.save(update_fields=["parked_until"])
    audit.record(action, by=by, channel=channel, record_id=record.pk, before=_as_text(before), after=_as_text(until))
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
    if not colleague.has_role(*READER_ROLES):
        raise NotPossible(f"{colleague.name} may not see edits.")
    record = _lock(record_id)
    question = _add(record, Comment.Kind.QUESTION, text, by=by, channel=channel, asked=colleague)
    _mail(question, to=colleague)
    return question


@transaction.atomic
def ask_editor(record_id: uuid.UUID, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Ask the person who edited in Outlook, by mail; they reply to the mail address of the person who asks.

    Raises NotPossible.
    """
    record = _lock(record_id)
    editor = editor_to_ask(record)
    if editor is None:
        raise NotPossible("The person who edited cannot be asked by mail.")
    if "@" not in by.address:
        raise NotPossible("Your account has no mail address, so no reply could reach you.")
    question = _add(record, Comment.Kind.QUESTION, text, by=by, channel=channel, asks_editor=True)
    messages.queue(MessageKind.EDITOR_QUESTION, to=editor.address, record=record, details={"comment": question.pk})
    return question


def editor_to_ask(record: SyncRecord) -> CrmUser | None:
    """Return the editor if they may not see edits here but can be asked by mail; otherwise None."""
    if not settings.MAIL_BACKEND or record.editor_id is None:
        return None
    editor = CrmUser.objects.filter(pk=record.editor_id, is_disabled=False).first()
    if editor is None or not messages.may_receive(editor.address):
        return None
    is_same = Q(address__iexact=editor.address) | (Q(oid=editor.entra_id) if editor.entra_id else Q())
    return None if Person.objects.filter(MAY_SEE_EDITS, is_same, is_active=True).exists() else editor


@transaction.atomic
def answer(question_id: int, *, text: str, by: Person, channel: str = "screen") -> Comment:
    """Answer a question; anyone who may see the edit may answer. Raises NotPossible if there is no such question."""
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
    """Return why a comment, question or answer cannot be sent; '' if it can."""
    length = len(text.strip())
    if not length:
        return "There is nothing to send. Type a sentence."
    return f"This has {length} characters; at most {MAX_LENGTH} fit." if length > MAX_LENGTH else ""


def note_presence(record_id: uuid.UUID, *, by: Person) -> None:
    """Record that the person has this edit open, and delete the person's records for pages since closed."""
    Presence.objects.filter(person=by, seen_at__lt=database_now(plus=-PRESENCE_SECONDS)).delete()
    seen = Presence(record_id=record_id, person=by, seen_at=Now())
    Presence.objects.bulk_create(
        [seen], update_conflicts=True, unique_fields=["record", "person"], update_fields=["seen_at"]
    )


def others_viewing(record_id: uuid.UUID, *, person: Person) -> list[Person]:
    """Return the other people who have this edit open, sorted by name."""
    since = database_now(plus=-PRESENCE_SECONDS)
    present = Presence.objects.filter(record_id=record_id, seen_at__gte=since).exclude(person=person)
    return by_name(each.person for each in present.select_related("person"))


def colleagues(person: Person) -> QuerySet[Person]:
    """Return the other active people who may see edits, and so can be asked about one."""
    return Person.objects.filter(MAY_SEE_EDITS, is_active=True).exclude(pk=person.pk)


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
    asks_editor: bool = False,
    question: Comment | None = None,
) -> Comment:
    if problem := text_problem(text):
        raise NotPossible(problem)
    text = text.strip()
    comment = Comment.objects.create(
        record=record,
        kind=kind,
        by=by,
        at=database_now(),
        text=text,
        asked=asked,
        asks_editor=asks_editor,
        question=question,
    )
    details = {"comment": comment.pk, "asked": _as_text(asked)} | ({"asks_editor": True} if asks_editor else {})
    audit.record(f"record.{kind}", by=by, channel=channel, record_id=record.pk, details=details, after=text)
    return comment


def _mail(comment: Comment, *, to: Person) -> None:
    messages.queue(comment.kind, to=to, record=comment.record, details={"comment": comment.pk})


def _as_text(value: Person | date | None) -> str | None:
    if isinstance(value, Person):
        return str(value.pk)
    return value.isoformat() if value else None
