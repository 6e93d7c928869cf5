"""The links in mails. A link is an address, not an authority: it names an edit and what the reader came for.

Signed for one reader with a time stamp, so that the page can say when a link is old, somebody else's or changed; who
may see or decide is settled by signing in. Nothing is used up by opening one, because mail scanners open every link.
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

LONGEST = 300  # characters of a whole address; mail programs cut what is longer


class Intent(StrEnum):
    """What the reader came for; the page preselects it and decides nothing."""

    LOOK = "l"
    APPROVE = "a"
    REJECT = "r"


class State(StrEnum):
    """What is to be said about a link; nothing about a good one."""

    GOOD = ""
    OLD = "old"
    FOREIGN = "other"


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a link says. `record_id` None: not even an edit's name can be read."""

    record_id: uuid.UUID | None
    intent: Intent
    state: State


def to_record(record_id: uuid.UUID, *, reader: Person, intent: Intent = Intent.LOOK) -> str:
    """The address of an edit in a mail to this reader."""
    token = _signer(reader).sign(encode_id(record_id) + intent)
    return f"{settings.BASE_URL}/l/{token}"


def open_link(token: str, *, reader: Person) -> OpenedLink:
    """What a link means to the person who opens it; a bad one leads to its edit all the same."""
    record_id = decode_id(token[:22])
    try:
        value = _signer(reader).unsign(token, max_age=timedelta(days=settings.LINK_DAYS))
    except SignatureExpired:
        return OpenedLink(record_id, Intent.LOOK, State.OLD)
    except BadSignature:
        return OpenedLink(record_id, Intent.LOOK, State.FOREIGN)
    return OpenedLink(record_id, Intent(value[22:]), State.GOOD)


def _signer(reader: Person) -> TimestampSigner:
    return TimestampSigner(salt=f"osync.link.{reader.pk.hex}", sep=".")


def to_preferences(reader: Person) -> str:
    """The address where the reader says how often to be told, without signing in; it works for as long as the key."""
    return f"{settings.BASE_URL}/mails/{_wishes().sign(encode_id(reader.pk))}"


def reader_of(token: str) -> Person | None:
    """The person whose wishes this link is about; None where it was not made here."""
    try:
        pk = decode_id(_wishes().unsign(token))
    except BadSignature:
        return None
    return Person.objects.filter(pk=pk).first() if pk else None


def _wishes() -> TimestampSigner:
    return TimestampSigner(salt="osync.mail-wishes", sep=".")


def absolute(path: str) -> str:
    """A page of the portal as a mail names it; never from a request's own host."""
    return f"{settings.BASE_URL}{path}"


def encode_id(pk: uuid.UUID) -> str:
    """22 characters for an id."""
    return base64.urlsafe_b64encode(pk.bytes).rstrip(b"=").decode()


def decode_id(text: str) -> uuid.UUID | None:
    """The id again, or None for what is none."""
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(text.encode() + b"=="))
    except ValueError:
        return None
