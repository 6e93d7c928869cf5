"""Names, addresses and logins as people write them, and the keys under which two spellings are equal."""

from __future__ import annotations

import unicodedata

_SPACES = frozenset({"Cc", "Zs", "Zl", "Zp"})


def visible_text(text: str) -> str:
    """Return the composed text without invisible characters and with single spaces."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    if composed.isprintable() and composed.isascii():
        return " ".join(composed.split())
    categories = ((letter, unicodedata.category(letter)) for letter in composed)
    kept = (" " if category in _SPACES else letter for letter, category in categories if category != "Cf")
    return " ".join("".join(kept).split())


def match_key(text: str) -> str:
    """Return the key that spellings of one name share, ignoring case, width, composition and invisible characters.

    Diacritics count, unlike in a search (models/folding.py): "Müller" does not match "Muller".
    """
    text = visible_text(text)
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def possible_names(text: str) -> list[str]:
    """Return the names that a text may stand for, the likeliest first.

    "Last, First" also stands for both orders, with and without a comma, and for the last name alone.
    """
    parts = [part for part in map(str.strip, text.split(",")) if part]
    if len(parts) < 2:
        return [text]
    last, first, *_ = parts
    return [text, f"{first} {last}", f"{last}, {first}", f"{first}, {last}", last]


def split_login(login: str) -> tuple[str, str]:
    r"""Return the domain's first label and the account of `DOMAIN\account` or `account@domain`."""
    domain, sign, account = login.rpartition("\\")
    if not sign:
        account, _, domain = login.partition("@")
    return domain.partition(".")[0], account
