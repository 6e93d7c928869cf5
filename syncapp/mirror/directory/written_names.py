"""Names, addresses and logins as people write them, and the keys by which two spellings of one are the same."""

from __future__ import annotations

import unicodedata

_SPACES = frozenset({"Cc", "Zs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return the composed text without invisible characters; every run of white space becomes one space."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    if composed.isprintable() and composed.isascii():
        return " ".join(composed.split())
    kept = (_seen(letter) for letter in composed)
    return " ".join("".join(kept).split())


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    return " " if category in _SPACES else "" if category == "Cf" else letter


def match_key(text: str) -> str:
    """Return what two spellings of one name share: case, width, composition and hidden characters do not count.

    Letters keep their marks, unlike in a search (models/folding.py): "Müller" does not match "Muller".
    """
    shown = visible(text)
    return shown.lower() if shown.isascii() else unicodedata.normalize("NFKC", shown).casefold()


def names_of(text: str) -> list[str]:
    """Return the names that a text may stand for, the likeliest first: itself, then "Last, First" turned round."""
    parts = [part for part in map(str.strip, text.split(",")) if part]
    if len(parts) < 2:
        return [text]
    last, first, *_ = parts
    return [text, f"{first} {last}", f"{last}, {first}", f"{first}, {last}", last]


def split_login(login: str) -> tuple[str, str]:
    r"""Return the domain and the account of `DOMAIN\account` or `account@domain`, the domain by its first label."""
    domain, sign, account = login.rpartition("\\")
    if not sign:
        account, _, domain = login.partition("@")
    return domain.partition(".")[0], account
