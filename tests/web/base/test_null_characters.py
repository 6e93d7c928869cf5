"""Requests with null characters."""

from __future__ import annotations

import pytest

from syncapp.models import Decision
from syncapp.review.context import digest
from tests.support.factories import make_field
from tests.support.people import browser, rita

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("text", ["wrong\x00person", "wrong person"])
def test_null_character_in_reason_is_refused(text: str) -> None:
    field = make_field()
    form = {"do": f"reject:{field.pk}", f"seen.{field.pk}": digest(field), f"code.{field.pk}": "other"}

    answer = browser(rita()).post(f"/review/{field.record_id}/decide", form | {f"text.{field.pk}": text})

    refused = "\x00" in text
    assert (answer.status_code, Decision.objects.count()) == ((400, 0) if refused else (303, 1))
    assert not refused or "so nothing was done" in answer.content.decode()


def test_null_character_in_search_is_refused() -> None:
    assert browser(rita()).get("/review/?q=a%00b").status_code == 400
