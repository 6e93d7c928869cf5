"""Telling the operators of a lost database, without it: mails are handed over directly, and a file says what was told.

The file is in WATCH_DIR. It also keeps whom to tell, from the last time that the database could be asked.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from syncapp.health import Trouble, kinds
from syncapp.models import Alert, Message
from syncapp.models.outbox import MessageKind
from syncapp.notifications import alerts
from syncapp.notifications.channels.errors import MailError, OutcomeUnknown
from syncapp.notifications.content.letters import Letter
from syncapp.notifications.content.mail import LetterNotification
from syncapp.notifications.mail_service import channel
from syncapp.text.time_zones import UTC

_NAME = "watch.json"
_TIMES = ("since", "first_seen_at", "seen_at")


class NoNote(Exception):
    """The file cannot be kept, so that mails would be sent each minute; the message says what to do."""


@dataclass(slots=True)
class Note:
    """The content of the file: the readers to tell, and the alarm about the database while it is away."""

    readers: list[str] = field(default_factory=list)
    alarm: Alert | None = None


def is_away() -> tuple[int, str]:
    """Note that the database is away; return how many mails were handed over, and what hindered others.

    Raises NoNote.
    """
    note, now = _load(), timezone.now()
    trouble = Trouble(kinds.DATABASE)
    alarm = note.alarm = note.alarm or Alert(code=trouble.code, text=trouble.text, since=now, is_sent=False)
    is_due = alerts.see_again(alarm, now=now) and not alarm.is_sent
    alarm.is_sent = alarm.is_sent or is_due
    _save(note)  # before the mails, so that a folder that cannot be written to does not repeat them
    if not is_due:
        return 0, ""
    sent, hindrance = _send(note.readers, alerts.details(trouble, since=alarm.since, over=False))
    if not sent:
        alarm.is_sent = False
        _save(note)
    return sent, hindrance


def is_back() -> tuple[int, str]:
    """Note that the database answers, and whom to tell the next time; as `is_away`. Raises NoNote."""
    note = _load()
    readers, alarm = alerts.addresses(), note.alarm
    sent, hindrance = 0, ""
    if alarm is not None and alarm.is_sent:
        sent, hindrance = _send(readers, alerts.details(Trouble(kinds.DATABASE), since=alarm.since, over=True))
    is_open = alarm is not None and alarm.is_sent and not sent
    _save(Note(readers, alarm if is_open else None))
    return sent, hindrance


def _send(readers: Sequence[str], details: dict[str, Any]) -> tuple[int, str]:
    if not settings.MAIL_BACKEND:
        return 0, "MAIL_BACKEND is empty."
    sent, hindrance = 0, "" if settings.WATCH_MAIL_TO or readers else "No reader is known: set WATCH_MAIL_TO."
    for reader in settings.WATCH_MAIL_TO or readers:
        try:
            _hand_over(reader, details)
            sent += 1
        except OutcomeUnknown:
            sent += 1  # it may have arrived, and is not worth a second one each minute
        except MailError as error:
            hindrance = str(error)
    return sent, hindrance


def _hand_over(reader: str, details: dict[str, Any]) -> None:
    """Hand over one mail. Raises MailError."""
    thread = f"operations-{details['code']}"
    letter = Letter(MessageKind.OPERATIONS, to=reader, name="", zone=UTC, locale="", thread=thread, details=details)
    channel().send(LetterNotification(Message(kind=MessageKind.OPERATIONS), letter), before=lambda: None)


def _load() -> Note:
    """Return what was noted; nothing where there is no file, or none that we wrote."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((settings.WATCH_DIR / _NAME).read_text())
        times = {name: datetime.fromisoformat(kept["alarm"][name]) for name in _TIMES} if kept["alarm"] else {}
        alarm = kept["alarm"] and Alert(
            code=kinds.DATABASE.code, text=kinds.DATABASE.title, is_sent=kept["alarm"]["is_told"], **times
        )
        return Note([str(reader) for reader in kept["readers"]], alarm or None)
    return Note()


def _save(note: Note) -> None:
    alarm = note.alarm
    times = {name: getattr(alarm, name).isoformat() for name in _TIMES} if alarm else {}
    kept = {"readers": note.readers, "alarm": {"is_told": alarm.is_sent, **times} if alarm else None}
    folder: Path = settings.WATCH_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        # Its name may be predictable and its parent everybody's.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError("it belongs to another user")
        fresh = folder / f"{_NAME}.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(kept))
        fresh.replace(folder / _NAME)
    except OSError as error:
        message = (
            f"{folder} cannot keep what was told ({error}), so no mail is sent. Set WATCH_DIR to a folder of ours."
        )
        raise NoNote(message) from error
