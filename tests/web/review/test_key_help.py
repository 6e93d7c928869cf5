"""The lists of keys: the page and the reference name each key of the key map and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncapp.models import Person
from tests.support.factories import make_field
from tests.support.people import browser, rita
from tests.support.screen import opened

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[3]


def keys_of_the_map() -> set[str]:
    """Return the single characters that the key map reads as commands."""
    source = (ROOT / "syncapp" / "static" / "portal" / "keys.js").read_text()
    maps = "".join(re.findall(r"const (?:RECORD|ANYWHERE) = \{(.*?)\n  \};", source, re.DOTALL))
    return {key for key in re.findall(r'^    "?(\S+?)"?: ', maps, re.MULTILINE) if len(key) == 1}


def keys_of_the_page(html: str) -> set[str]:
    """Return the keys that the help names; `Shift` is part of the capital letters beside it."""
    help_text = html.partition('id="keys"')[2].partition("</dialog>")[0]
    return {key for key in re.findall(r"<kbd>(.+?)</kbd>", help_text) if len(key) == 1} - set("↓↑")


def test_help_names_every_key():
    assert len(keys_of_the_map()) > 10
    page = opened(browser(rita()), make_field().record)

    assert keys_of_the_page(page.html) == keys_of_the_map()
    assert "Single-letter keys are off." not in page.words
    assert "approve, reject, correct the field" in page.words


def test_reference_names_every_key():
    text = (ROOT / "docs" / "reference" / "keys.md").read_text()
    in_table = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))

    assert set(re.findall(r"`(.)`", in_table)) == keys_of_the_map()


def test_help_omits_disabled_letter_keys():
    Person.objects.filter(pk=rita().pk).update(letter_keys=False)

    page = opened(browser(rita()), make_field().record)

    assert keys_of_the_page(page.html) == set()
    assert "Single-letter keys are off." in page.words
    assert "approve, reject, correct the field" not in page.words
