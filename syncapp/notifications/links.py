"""The links in mails. A link names an edit and an intent, and grants nothing: access requires signing in.

A link is signed for one recipient with a time stamp, so that the page can say that it is old, altered or for another
person. Opening a link has no effect, because mail scanners open every link.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from syncapp.models import Person

MAX_LENGTH = 300  # characters of a whole address; mail programs truncate longer ones


class Intent(StrEnum):
    """The choice that the page preselects for the recipient."""

    LOOK = "l"
    APPROVE = "a"
    REJECT = "r"


class State(StrEnum):
    """The validity of a link."""

    GOOD = ""
    OLD = "old"
    FOREIGN = "other"


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """The content of an opened link; `record_id` is None if not even the id can be read."""

    record_id: uuid.UUID | None
    intent: Intent
    state: State


def to_record(record_id: uuid.UUID, *, recipient: Person, intent: Intent = Intent.LOOK) -> str:
    """Return the address of an edit's page for a mail to this recipient."""
    token = _signer(recipient).sign(encode_id(record_id) + intent)
    return f"{settings.BASE_URL}/l/{token}"


def open_link(token: str, *, person: Person) -> OpenedLink:
    """Read the token of a link that `person` opens; an invalid token still leads to its edit, but without an intent."""
    record_id = decode_id(token[:22])
    try:
        value = _signer(person).unsign(token, max_age=timedelta(days=settings.LINK_DAYS))
    except SignatureExpired:
        return OpenedLink(record_id, Intent.LOOK, State.OLD)
    except BadSignature:
        return OpenedLink(record_id, Intent.LOOK, State.FOREIGN)
    return OpenedLink(record_id, Intent(value[22:]), State.GOOD)


def _signer(person: Person) -> TimestampSigner:
    return TimestampSigner(salt=f"osync.link.{person.pk.hex}", sep=".")


def to_preferences(recipient: Person) -> str:
    """Return the address where the recipient can set, without signing in, how often to get mails. It never expires."""
    return f"{settings.BASE_URL}/mails/{_preferences_signer().sign(encode_id(recipient.pk))}"


def recipient_of(token: str) -> Person | None:
    """Return the person whose mail preferences a link opens; None if the token is invalid."""
    try:
        pk = decode_id(_preferences_signer().unsign(token))
    except BadSignature:
        return None
    return Person.objects.filter(pk=pk).first() if pk else None


def _preferences_signer() -> TimestampSigner:
    return TimestampSigner(salt="osync.mail-wishes", sep=".")


def absolute(path: str) -> str:
    """Return the full address of a page for a mail, never with a request's own host."""
    return f"{settings.BASE_URL}{path}"


def encode_id(pk: uuid.UUID) -> str:
    """Encode an id in 22 characters."""
    return base64.urlsafe_b64encode(pk.bytes).rstrip(b"=").decode()


def decode_id(text: str) -> uuid.UUID | None:
    """Decode an id; return None for any other text."""
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(text.encode() + b"=="))
    except ValueError:
        return None
