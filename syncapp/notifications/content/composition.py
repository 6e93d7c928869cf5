"""Composition of each kind of mail from the rows, at the moment of sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from syncapp import preferences
from syncapp.mirror import columns
from syncapp.models import Comment, Message, Person, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.outbox import MessageKind
from syncapp.notifications import links
from syncapp.notifications.content import runs
from syncapp.notifications.content.outcomes import Result, results
from syncapp.notifications.content.runs import RunSummary
from syncapp.notifications.links import Intent
from syncapp.outbox import messages
from syncapp.review import earlier_rejections, notification_rules
from syncapp.review.diff import values
from syncapp.review.diff.values import Tag, ValueDiff
from syncapp.text import localization
from syncapp.text.time_zones import UTC, zone_of

MAX_FIELDS = 6  # of one edit
MAX_RECORDS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One changed field."""

    label: str
    change: ValueDiff


@dataclass(frozen=True, slots=True)
class Entry:
    """One edit: its contact, editor and changed fields, and the links to review it.

    `is_restored`: all originals are back in the CRM.
    """

    name: str
    editor: str
    edited_on: datetime | None
    is_restored: bool
    count: int
    lines: tuple[Line, ...]
    url: str
    approve_url: str
    reject_url: str

    @property
    def unlisted_count(self) -> int:
        """Return the number of waiting fields that are not listed."""
        return self.count - len(self.lines)

    @property
    def first_name(self) -> str:
        """Return the contact's first name, for the button."""
        return self.name.split()[0] if self.name.split() else "this contact"


@dataclass(frozen=True, slots=True)
class MailContent:
    """The content of a mail, for its templates. `thread` identifies the conversation in the recipient's mailbox.

    `lines` are the fields of `record` if the mail has no entries with links. `are_restored`: the originals of all edits
    are back in the CRM.
    """

    kind: str
    to: str
    name: str
    zone: str
    locale: str
    thread: str
    entries: tuple[Entry, ...] = ()
    edits: int = 0
    fields: int = 0
    waiting: int = 0
    are_restored: bool = True
    with_values: bool = True
    comment: Comment | None = None
    record: SyncRecord | None = None
    lines: tuple[Line, ...] = ()
    results: tuple[Result, ...] = ()
    reply_to: Person | None = None
    details: Mapping[str, Any] | None = None
    run: RunSummary | None = None
    preferences_url: str = ""
    queue_url: str = ""

    @property
    def unlisted_count(self) -> int:
        """Return the number of edits that are counted but not listed."""
        return self.edits - len(self.entries)

    @property
    def unlisted_fields_count(self) -> int:
        """Return the number of fields of the record that are counted but not listed."""
        return self.fields - len(self.lines)

    @property
    def outcome(self) -> str:
        """Return the overall result for the editor."""
        approved = {result.is_approved for result in self.results}
        return {frozenset({True}): "approved", frozenset({False}): "rejected"}.get(
            frozenset(approved), "partly approved"
        )


def compose(message: Message) -> MailContent | None:
    """Compose the content of a mail; return None if it is outdated, or its recipient may not or does not want it.

    Times and numbers are in the recipient's time zone and formats.
    """
    recipient = message.recipient
    if not messages.may_receive(recipient or message.address):
        return None
    # An editor in Outlook is known by address only, but may also be a user of the portal.
    person = recipient or Person.objects.filter(address__iexact=message.address, is_active=True).first()
    zone, locale = (person.time_zone, person.locale) if person else (UTC, "")
    with timezone.override(zone_of(zone)), localization.override(locale):
        return _COMPOSERS[MessageKind(message.kind)](message)


def _content(message: Message, *, thread: str, **content: Any) -> MailContent:
    recipient = message.recipient
    is_optional = message.kind in _OPTIONAL and recipient is not None
    return MailContent(
        kind=message.kind,
        to=recipient.address if recipient else message.address,
        name=recipient.name if recipient else "",
        zone=str(timezone.get_current_timezone()),
        locale=localization.active().tag,
        thread=thread,
        preferences_url=links.to_preferences(recipient) if is_optional and recipient else "",
        queue_url=links.absolute(reverse("queue")) if recipient else "",
        **content,
    )


def _compose_edits(message: Message) -> MailContent | None:
    recipient, details = message.recipient, message.details
    if recipient is None or recipient.notify == Person.Notify.OFF:
        return None
    if message.kind == MessageKind.OVERDUE:
        found, with_values = SyncRecord.objects.waiting().filter(pk__in=details["records"]), False
        # Edits beyond those listed are not counted again: their number dates from the day of the reminder.
        unlisted = max(0, details["count"] - len(details["records"]))
    else:
        arrived = notification_rules.arrivals_for(recipient, after=details["after"], until=details["until"])
        found, with_values = SyncRecord.objects.filter(pk__in=arrived.values("record")), preferences.read().mail_values
        unlisted = 0
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        return None
    listed = list(found.order_by("edited_on", "pk")[:MAX_RECORDS])
    return _content(
        message,
        thread=f"edit-{listed[0].pk}" if len(ids) == 1 else f"{message.kind}-{recipient.pk}",
        entries=tuple(_entries(listed, recipient, with_values=with_values)),
        edits=len(ids) + unlisted,
        fields=SyncField.objects.undecided().filter(record__in=ids).count(),
        waiting=SyncRecord.objects.waiting().exclude(pk__in=ids)[:1001].count() - unlisted,
        are_restored=not found.filter(is_restored=False).exists(),
        with_values=with_values,
    )


def _entries(records: Sequence[SyncRecord], recipient: Person, *, with_values: bool) -> Iterator[Entry]:
    fields = list(SyncField.objects.undecided().filter(record__in=records).select_related("record"))
    rejections = earlier_rejections.find(fields) if with_values else {}
    for record in records:
        columns_by_name = columns.of_table(record.target_table)
        lines = []
        for field in fields:
            if field.record_id != record.pk:
                continue
            column = columns_by_name.get(field.column_name)
            change = values.diff_field(field, column)
            if rejection := rejections.get(field.pk):
                tag = Tag(earlier_rejections.describe(rejection, reader=recipient), warns=True)
                change = replace(change, tags=(*change.tags, tag))
            lines.append(Line(column.label if column else field.column_name, change))
        lines.sort(key=lambda line: search_key(line.label))
        yield _entry(record, recipient, lines if with_values else [], count=len(lines))


def _entry(record: SyncRecord, recipient: Person, lines: Sequence[Line], *, count: int) -> Entry:
    return Entry(
        name=record.name or "Contact without a name",
        editor=record.editor_name or "an unknown editor",
        edited_on=record.edited_on,
        is_restored=record.is_restored,
        count=count,
        lines=tuple(lines[:MAX_FIELDS]),
        url=links.to_record(record.pk, recipient=recipient),
        approve_url=links.to_record(record.pk, recipient=recipient, intent=Intent.APPROVE),
        reject_url=links.to_record(record.pk, recipient=recipient, intent=Intent.REJECT),
    )


def _compose_outcome(message: Message) -> MailContent | None:
    record = message.record
    found = results(record) if record is not None else ()
    if record is None or not found:
        return None
    with_values = preferences.read().mail_values
    return _content(message, thread=f"outcome-{record.pk}", record=record, results=found, with_values=with_values)


def _compose_comment(message: Message) -> MailContent | None:
    comment = Comment.objects.select_related("by", "record").filter(pk=message.details.get("comment")).first()
    recipient = message.recipient
    if comment is None or recipient is None:
        return None
    entry = _entry(comment.record, recipient, (), count=comment.record.waiting_count)
    return _content(message, thread=f"edit-{comment.record_id}", comment=comment, entries=(entry,), edits=1)


def _compose_editor_question(message: Message) -> MailContent | None:
    """Compose a question to an editor, without links, since they may have no account; replies go to the asker."""
    questions = Comment.objects.select_related("by", "record").filter(asks_editor=True)
    comment = questions.filter(pk=message.details.get("comment")).first()
    if comment is None or not messages.may_receive(comment.by):
        return None
    record, with_values = comment.record, preferences.read().mail_values
    columns_by_name, lines = columns.of_table(record.target_table), []
    for field in SyncField.objects.undecided().filter(record=record):
        column = columns_by_name.get(field.column_name)
        lines.append(Line(column.label if column else field.column_name, values.diff_field(field, column)))
    lines.sort(key=lambda line: search_key(line.label))
    return _content(
        message,
        thread=f"question-{comment.pk}",
        comment=comment,
        record=record,
        lines=tuple(lines[:MAX_FIELDS]),
        fields=len(lines),
        with_values=with_values,
        reply_to=comment.by,
    )


def _compose_run(message: Message) -> MailContent | None:
    subject = next(each for each in _SUMMARIES if each in message.details)
    summary = _SUMMARIES[subject](message)
    return _content(message, thread=f"{subject}-{message.details[subject]}", run=summary) if summary else None


_SUMMARIES: Mapping[str, Callable[[Message], RunSummary | None]] = {
    "run": runs.summarize_run,
    "policy": runs.summarize_policy,
    "rule": lambda _message: runs.summarize_rule(),
}
_OPTIONAL = (MessageKind.NEW_EDITS, MessageKind.DIGEST, MessageKind.OVERDUE)
_COMPOSERS: Mapping[MessageKind, Callable[[Message], MailContent | None]] = {
    MessageKind.NEW_EDITS: _compose_edits,
    MessageKind.DIGEST: _compose_edits,
    MessageKind.OVERDUE: _compose_edits,
    MessageKind.OUTCOME: _compose_outcome,
    MessageKind.QUESTION: _compose_comment,
    MessageKind.EDITOR_QUESTION: _compose_editor_question,
    MessageKind.ANSWER: _compose_comment,
    MessageKind.RUN: _compose_run,
    MessageKind.TEST: lambda message: _content(message, thread=f"test-{message.pk}"),
    MessageKind.OPERATIONS: lambda message: _content(
        message, thread=f"operations-{message.details['code']}", details=message.details
    ),
}
