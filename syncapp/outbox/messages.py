"""Queueing of mails: one job per recipient, in the transaction of the event that the mail is about.

`details` by kind, as `notifications.content` reads them: new_edits and digest {"after", "until"} (arrivals), overdue
{"records", "count"}, question, ask_editor and answer {"comment"}, operations {"code", "text", "since", "over"} and for
a new trouble {"reason", "meaning", "remedy", "where"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from syncapp.models import Message, Person, SyncRecord
from syncapp.models.jobs.job import database_now
from syncapp.models.outbox import MessageKind


def queue(
    kind: str,
    *,
    to: Person | str,
    record: SyncRecord | None = None,
    details: Mapping[str, Any] | None = None,
    once: str = "",
    due_in: float = 0,
) -> Message | None:
    """Queue a mail to a person of the portal or to an address. Its text is written when it is sent.

    Return None if no mail service is configured, the recipient may not get mails, or a message with the same `once` was
    queued before.
    """
    if not settings.MAIL_BACKEND or not may_receive(to):
        return None
    columns = {"recipient": to} if isinstance(to, Person) else {"address": to}
    try:
        with transaction.atomic():
            return Message.objects.create(
                kind=MessageKind(kind),
                record=record,
                details=dict(details or {}),
                once=once,
                due_at=database_now(plus=due_in),
                **columns,
            )
    except IntegrityError:
        if once and Message.objects.filter(once=once).exists():
            return None
        raise


def may_receive(to: Person | str) -> bool:
    """Return whether mails may go to an address, or to a person, who must be active and have a role and an address."""
    if isinstance(to, Person):
        return to.is_active and bool(to.roles) and "@" in to.address
    return "@" in to


def can_receive(person: Person) -> bool:
    """Return whether a mail service is configured and the person may get mails."""
    return bool(settings.MAIL_BACKEND) and may_receive(person)
