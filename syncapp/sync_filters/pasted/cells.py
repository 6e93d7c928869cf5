"""Addresses and names in one cell, in the forms that mail programs and directories export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from syncapp.mirror.directory.name_keys import visible_text
from syncapp.text.escaping import csv_value

_TOKEN_SEPARATORS = re.compile(r'[\s;,<>"|]+')
_ENCLOSING_CHARACTERS = "'\"`()[]{}<>“”„‘’«»,;:."
_MAX_NAME_LENGTH = 1000  # a longer text is reported as unread, so its quotes need not be removed
_QUOTED = re.compile(r"['\"“„‘«<(\[].*['\"”“’»>)\]]")
# Prefixes of proxy addresses other than SMTP ("Email addresses in Exchange Server"): the mailbox in other systems.
_OTHER_PROXY = re.compile(r"(x500|x400|eum|spo|sip|im|notes|ms|ccmail):", re.IGNORECASE)
_PROXY = re.compile(r"smtp:", re.IGNORECASE)
_MAIL_LINK = re.compile(r"mailto:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address or login in a cell. `proxy`: "SMTP" marks a mailbox's main address, "smtp" another one."""

    text: str
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """The content of a cell: addresses and the words next to them, or all of its text if it has no address.

    `has_label`: the words are the display name of an address in angle brackets.
    """

    addresses: tuple[Address, ...]
    words: str
    has_label: bool = False


def read_cell(raw: str) -> Cell:
    """Return the addresses of a cell and the words next to them."""
    text = csv_value(raw)
    addresses: list[Address] = []
    words: list[str] = []
    for token in _TOKEN_SEPARATORS.split(text):
        address = _parse_address(token)
        if address:
            addresses.append(address)
        elif token and not _OTHER_PROXY.match(token):
            words.append(token)
    if addresses:
        return Cell(tuple(addresses), clean(" ".join(words)), has_label="<" in text)
    logins = [word.strip(_ENCLOSING_CHARACTERS) for word in words]
    if logins and all(login.strip("\\").count("\\") == 1 for login in logins):
        return Cell(tuple(Address(visible_text(login)) for login in logins), "")
    return Cell((), clean(text))


def clean(text: str) -> str:
    """Return the text to store and show, without invisible characters and enclosing quotes."""
    text = visible_text(text)
    if len(text) > _MAX_NAME_LENGTH:
        return text
    while _QUOTED.fullmatch(text) and len(text) > 2:
        text = text[1:-1].strip()
    return text.strip('"“”„,;').strip()


def _parse_address(token: str) -> Address | None:
    mark = _PROXY.match(token.lstrip(_ENCLOSING_CHARACTERS))
    text = token.lstrip(_ENCLOSING_CHARACTERS)
    text = _PROXY.sub("", text, count=1) if mark else text
    link = _MAIL_LINK.match(text)
    text = text[link.end() :].partition("?")[0] if link else text
    text = visible_text(text.strip(_ENCLOSING_CHARACTERS)).replace("＠", "@")
    local, sign, domain = text.partition("@")
    if not (sign and local and domain):
        return None
    return Address(text, ("SMTP" if mark[0][:1].isupper() else "smtp") if mark else "")


def group_by_mailbox(addresses: Sequence[Address]) -> list[tuple[str, ...]]:
    """Group the addresses by mailbox, in the order of the text; each group begins with the main address.

    Proxy addresses with exactly one main address belong to one mailbox; any other address is a mailbox of its own.
    """
    main_addresses = [each.text for each in addresses if each.proxy == "SMTP"]
    if len(main_addresses) != 1:
        return [(each.text,) for each in addresses]
    others = [each.text for each in addresses if each.proxy == "smtp"]
    groups = [(*main_addresses, *others) if each.proxy else (each.text,) for each in addresses]
    return list(dict.fromkeys(groups))
