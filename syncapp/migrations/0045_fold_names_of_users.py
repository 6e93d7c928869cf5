"""Users get their words and folded keys; users of edits their folded keys. Edits get theirs by the next pulls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from django.db import migrations, transaction

BATCH = 500
LONGEST_WORD = 100
LONGEST_KEY = 200
# Letters that Unicode does not decompose into a letter of the alphabet and a mark.
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "ø": "o",
        "þ": "th",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "ŋ": "n",
        "œ": "oe",
        "ŧ": "t",
        "ƀ": "b",
        "ɨ": "i",
    }
)
_ASCII_WORD = re.compile("[a-z0-9]+")


def fill(apps: Any, editor: Any) -> None:
    users, editors = apps.get_model("syncapp", "FilterUser"), apps.get_model("syncapp", "CrmUser")
    for rows in _batches(users.objects.filter(search_words=None).only("name", "address", "login")):
        _store(rows, users, _words_of_user, ["name_key", "search_words"])
    for rows in _batches(editors.objects.exclude(name="").only("name")):
        _store(rows, editors, _key, ["name_key"])


def _batches(rows: Any) -> Iterator[list[Any]]:
    last = None
    while found := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:BATCH]):
        yield found
        last = found[-1].pk


def _store(rows: list[Any], model: Any, change: Callable[[Any], None], columns: list[str]) -> None:
    for row in rows:
        change(row)
    with transaction.atomic():
        model.objects.bulk_update(rows, columns)


def _key(row: Any) -> None:
    row.name_key = search_key(row.name)


def _words_of_user(row: Any) -> None:
    _key(row)
    row.search_words = " ".join((searchable(row.name), folded(row.address), folded(row.login)))


def folded(text: str) -> str:
    """Return the text without case, accents and hidden characters: "Åsa Großmann" gives "asa grossmann"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in letters if unicodedata.category(letter) not in ("Mn", "Cf"))
    # Some letters get a mark only when their case is folded.
    return unicodedata.normalize("NFKD", kept.casefold().translate(_LETTERS))


def search_key(name: str) -> str:
    """Return the key by which names are sorted and compared as a whole."""
    return folded(name)[:LONGEST_KEY]


def searchable(name: str) -> str:
    """Return the different words of this name, each after a space."""
    return "".join(f" {word}" for word in dict.fromkeys(word[:LONGEST_WORD] for word in _split(folded(name))))


def _split(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text)
    # Marks that stay are vowels of Indian scripts: `\w` would break words at them.
    return "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()


class Migration(migrations.Migration):
    atomic = False  # one batch per transaction: other writers never wait for all of them
    dependencies = [("syncapp", "0044_words_of_users")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
