"""Mail addresses in the form that mail services accept."""

from __future__ import annotations

import re

import idna

from syncapp.notifications.channels.errors import MailRefused

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MAX_LOCAL_PART_LENGTH, _MAX_LENGTH = 64, 254


def to_ascii(address: str) -> str:
    """Return the address in ASCII, an international domain in punycode (RFC 5891).

    Raises MailRefused if it is not exactly one address, or has characters before the @ that only servers with SMTPUTF8
    (RFC 6531) accept.
    """
    local, _, domain = address.strip().rpartition("@")
    if len(local) > _MAX_LOCAL_PART_LENGTH or not _LOCAL_PART.fullmatch(local):
        raise _refused(address)
    try:
        found = f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError as error:
        raise _refused(address) from error
    if len(found) > _MAX_LENGTH:
        raise _refused(address)
    return found


def _refused(address: str) -> MailRefused:
    return MailRefused(f"“{address[:100]}” is not a valid mail address.", code="address")
