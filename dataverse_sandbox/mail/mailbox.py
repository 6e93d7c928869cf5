"""The accepted mails, stored unchanged and parsed when they are read."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property

from dataverse_sandbox.store import Store

_ALL = "SELECT id, received, via, recipients, raw FROM mail ORDER BY id"


@dataclass(frozen=True)
class Mail:
    """One mail; `via` is smtp or graph, `recipients` are those of the envelope."""

    id: int
    received: str
    via: str
    recipients: str
    raw: bytes

    @cached_property
    def parsed(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        if not isinstance(parsed, EmailMessage):
            raise TypeError("the default policy makes an EmailMessage")
        return parsed

    @property
    def subject(self) -> str:
        return str(self.parsed["Subject"] or "")

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, " ".join(str(value).split())) for name, value in self.parsed.items()]

    def _part(self, kind: str) -> str:
        part = self.parsed.get_body(preferencelist=(kind,))
        if part is None:
            return ""
        return str(part.get_content()).replace("\r\n", "\n")

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "to": self.recipients,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "received": self.received,
            "from": str(self.parsed["From"] or ""),
            "via": self.via,
            "headers": dict(self.headers),
        }


class Mailbox:
    """All mails of one sandbox."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, raw: bytes, *, recipients: list[str], via: str) -> None:
        """Keep a mail."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._store.execute(
            "INSERT INTO mail (received, via, recipients, raw) VALUES (?, ?, ?, ?)",
            (now, via, ", ".join(recipients), raw),
        )

    def mails(self) -> list[Mail]:
        """Return all mails, oldest first."""
        with self._store.read() as connection:
            return [Mail(*row) for row in connection.execute(_ALL)]

    def find(self, mail_id: int) -> Mail | None:
        row = self._store.fetch("SELECT id, received, via, recipients, raw FROM mail WHERE id = ?", (mail_id,))
        return None if row is None else Mail(*row)

    def empty(self) -> None:
        self._store.execute("DELETE FROM mail")
