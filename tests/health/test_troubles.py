"""Definitions of troubles, and the page for operators that lists them."""

from __future__ import annotations

import io
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from syncapp.health import kinds
from syncapp.models import Breaker

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "how-to" / "troubles.md"


def test_document_lists_every_trouble() -> None:
    printed = io.StringIO()
    call_command("troubles", stdout=printed)

    assert DOCUMENT.read_text().endswith(printed.getvalue()), "run: manage.py troubles, and replace the list with it"


def test_each_breaker_is_a_known_trouble() -> None:
    assert set(Breaker.Name.values) <= {kind.code for kind in kinds.KINDS}


def test_every_trouble_has_complete_and_unique_texts() -> None:
    texts = [(kind.meaning, kind.remedy, kind.where) for kind in kinds.KINDS]

    assert all(all(parts) for parts in texts)
    assert len({kind.code for kind in kinds.KINDS}) == len({kind.title for kind in kinds.KINDS}) == len(kinds.KINDS)


def test_hidden_symptoms_are_known_troubles() -> None:
    known = {kind.code for kind in kinds.KINDS}
    hidden = {code.partition("-")[0] for kind in kinds.KINDS for code in kind.hides}

    assert hidden <= known
