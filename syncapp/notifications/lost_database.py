"""Alerts about a lost database that work without it: mails are sent directly, and a file in WATCH_DIR keeps the state.

The file holds the alert, and its recipients as of the database's last answer.
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
from syncapp.notifications.content.composition import MailContent
from syncapp.notifications.content.mail import MailNotification
from syncapp.notifications.mail_service import channel
from syncapp.text.time_zones import UTC

_FILE_NAME = "watch.json"
_TIME_FIELDS = ("since", "first_seen_at", "seen_at")


class StateNotSaved(Exception):
    """The file cannot be written, so mails would be repeated each minute; the message says what to do."""


@dataclass(slots=True)
class State:
    """The content of the file: the recipients, and the alert while the database is down."""

    recipients: list[str] = field(default_factory=list)
    alert: Alert | None = None


def report_outage() -> tuple[int, str]:
    """Record that the database is down and send the due mails; return the number sent, and the last error, if any.

    Raises StateNotSaved.
    """
    state, now = _load(), timezone.now()
    trouble = Trouble(kinds.DATABASE)
    alert = state.alert = state.alert or Alert(code=trouble.code, text=trouble.text, since=now, is_sent=False)
    is_due = alerts.mark_seen(alert, now=now) and not alert.is_sent
    alert.is_sent = alert.is_sent or is_due
    _save(state)  # before the mails, so that an unwritable folder does not repeat them
    if not is_due:
        return 0, ""
    sent, problem = _send(state.recipients, alerts.details(trouble, since=alert.since, is_over=False))
    if not sent:
        alert.is_sent = False
        _save(state)
    return sent, problem


def report_recovery() -> tuple[int, str]:
    """Record that the database answers, and the recipients for the next outage; send the due mails.

    Returns the same as `report_outage`. Raises StateNotSaved.
    """
    recipients, alert = alerts.recipient_addresses(), _load().alert
    sent, problem = 0, ""
    if alert is not None and alert.is_sent:
        sent, problem = _send(recipients, alerts.details(Trouble(kinds.DATABASE), since=alert.since, is_over=True))
    must_send_again = alert is not None and alert.is_sent and not sent
    _save(State(recipients, alert if must_send_again else None))
    return sent, problem


def _send(recipients: Sequence[str], details: dict[str, Any]) -> tuple[int, str]:
    if not settings.MAIL_BACKEND:
        return 0, "MAIL_BACKEND is empty."
    kind, thread = MessageKind.OPERATIONS, f"operations-{details['code']}"
    sent, problem = 0, "" if settings.WATCH_MAIL_TO or recipients else "No recipient is known: set WATCH_MAIL_TO."
    for recipient in settings.WATCH_MAIL_TO or recipients:
        try:
            content = MailContent(kind, to=recipient, name="", zone=UTC, locale="", thread=thread, details=details)
            channel().send(MailNotification(Message(kind=kind), content), on_send=lambda: None)
            sent += 1
        except OutcomeUnknown:
            sent += 1  # it may have arrived; repeating it each minute would be worse
        except MailError as error:
            problem = str(error)
    return sent, problem


def _load() -> State:
    """Read the file; return an empty state if there is none, or its content is not ours."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads((settings.WATCH_DIR / _FILE_NAME).read_text())
        times = (
            {name: datetime.fromisoformat(stored["alarm"][name]) for name in _TIME_FIELDS} if stored["alarm"] else {}
        )
        alert = stored["alarm"] and Alert(
            code=kinds.DATABASE.code, text=kinds.DATABASE.title, is_sent=stored["alarm"]["is_told"], **times
        )
        return State([str(address) for address in stored["readers"]], alert or None)
    return State()


def _save(state: State) -> None:
    alert = state.alert
    times = {name: getattr(alert, name).isoformat() for name in _TIME_FIELDS} if alert else {}
    # The keys are those of older releases, which read the same file.
    content = {"readers": state.recipients, "alarm": {"is_told": alert.is_sent, **times} if alert else None}
    folder: Path = settings.WATCH_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        # The folder's name may be predictable and its parent writable by everyone.
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise PermissionError("it belongs to another user")
        new_file = folder / f"{_FILE_NAME}.{os.getpid()}"
        new_file.touch(mode=0o600)
        new_file.write_text(json.dumps(content))
        new_file.replace(folder / _FILE_NAME)
    except OSError as error:
        message = (
            f"The state cannot be saved in {folder} ({error}), so no mail is sent. Set WATCH_DIR to a writable folder."
        )
        raise StateNotSaved(message) from error
