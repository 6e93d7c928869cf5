"""The place of an edit in its list, the numbers in the list's heading, and the title of each page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from syncapp.models import SyncRecord
from syncapp.review.queue import reads
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_field, make_record
from tests.support.people import browser, rita
from tests.support.screen import Screen, opened

pytestmark = pytest.mark.django_db
LIST, HTMX = "http://testserver/review/?order=name", {"HX-Request": "true"}


def waiting(*names: str) -> list[SyncRecord]:
    times = (EDITED_ON + timedelta(minutes=number) for number in range(len(names)))
    return [make_field(make_record(name, edited_on=time)).record for name, time in zip(names, times, strict=True)]


def title(response: HttpResponse) -> str:
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def htmx(client: Client, path: str, *, on: str = "") -> HttpResponse:
    return client.get(path, headers=HTMX | {"HX-Current-URL": on or f"http://testserver{path}"})


def test_page_titles_name_list_or_contact():
    marta, _ = waiting("Marta Villanueva", "Solveig Brandt")
    client = browser(rita())

    assert title(client.get("/review/")) == "(2) Review · Outlook Sync"
    assert title(client.get(f"/review/{marta.pk}/")) == "Marta Villanueva · Outlook Sync"
    assert title(htmx(client, f"/review/{marta.pk}/", on=LIST)) == "Marta Villanueva · Outlook Sync"


def test_decisions_update_the_title_of_the_list():
    marta, _ = waiting("Marta Villanueva", "Solveig Brandt")
    client = browser(rita())
    form = opened(client, marta).form | {"do": f"approve:{marta.fields.get().pk}"}

    on_list = client.post(f"/review/{marta.pk}/decide", form, headers=HTMX | {"HX-Current-URL": LIST})
    later = htmx(client, "/review/fresh", on=LIST)
    on_edit = htmx(client, "/review/fresh", on=f"http://testserver/review/{marta.pk}/")

    assert title(on_list) == "(1) Review · Outlook Sync"
    assert title(later) == "(1) Review · Outlook Sync"
    assert title(on_edit) == ""


def test_next_contact_updates_the_page_title():
    marta, _ = waiting("Marta Villanueva", "Solveig Brandt")
    client = browser(rita())
    form = opened(client, marta).form | {"do": f"approve:{marta.fields.get().pk}", "next": "contact"}

    answer = client.post(f"/review/{marta.pk}/decide", form, headers=HTMX | {"HX-Current-URL": LIST})

    assert title(answer) == "Solveig Brandt · Outlook Sync"


def test_edit_shows_its_place_in_the_list():
    _, second, third = waiting("Marta", "Solveig", "Nora")
    client = browser(rita())

    assert "2 of 3" in opened(client, second).words
    assert "1 of 3" in opened(client, third, "?order=newest").words
    assert "1 of 1" in opened(client, third, "?q=nora").words
    assert "3 of 3" in Screen(htmx(client, f"/review/{third.pk}/")).words


def test_decided_edit_has_no_place():
    first, _ = waiting("Marta", "Solveig")
    scenes.finished(scenes.approved(first.fields.get(), by=rita()))

    assert " of 1" not in opened(browser(rita()), first).words


def test_list_counts_stop_at_the_limit(monkeypatch):
    monkeypatch.setattr(reads, "MAX_COUNTED", 2)
    first, _, third = waiting("Marta", "Solveig", "Nora")
    client = browser(rita())

    assert "1 of 2+" in opened(client, first).words
    assert " of 2+" not in Screen(htmx(client, f"/review/{third.pk}/")).words
    assert "2+ edits" in Screen(client.get("/review/")).words


def test_list_counts_contacts_and_fields():
    marta, solveig = waiting("Marta", "Solveig")
    make_field(marta, "fax")
    client = browser(rita())
    assert "2 edits, 3 fields" in Screen(client.get("/review/")).words

    SyncRecord.objects.filter(pk=solveig.pk).update(parked_until=timezone.localdate() + timedelta(days=2))

    assert "1 edit, 2 fields" in Screen(client.get("/review/")).words
    assert "1 edit, 1 field" in Screen(client.get("/review/?tab=parked")).words
