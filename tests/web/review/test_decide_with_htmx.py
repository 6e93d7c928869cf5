"""Decisions with htmx, which swaps the record."""

from __future__ import annotations

import pytest

from tests.support import scenes
from tests.support.people import browser, rita, rob
from tests.support.screen import Screen, on, opened, pressed
from tests.web.review.test_decide import edit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


HTMX = {"HX-Request": "true", "HX-Target": "record"}


def test_htmx_decision_updates_row_and_counts():
    record, (title, *_) = edit()
    client = browser(rita())
    form = opened(client, record).form | {"do": f"approve:{title.pk}"}

    screen = Screen(client.post(f"/review/{record.pk}/decide", form, headers=HTMX))

    assert screen.source.startswith('<title> Marta Villanueva · Outlook Sync</title> <section class="pane record"')
    assert "Approved written in 10 s" in screen.words
    assert f'id="row-{record.pk}" hx-swap-oob="true"' in screen.source
    assert "In progress 1" in screen.words
    assert "1 approved." in screen.words


def test_htmx_keeps_typed_text():
    record, (title, fax, name) = edit()
    client = browser(rita())
    typed = {on(fax, "mark"): "reject", on(fax, "text"): "half a sent", on(name, "tick"): "1"}
    form = opened(client, record).form | typed | {"do": f"approve:{title.pk}"}

    screen = Screen(client.post(f"/review/{record.pk}/decide", form, headers=HTMX))

    assert screen.input(on(fax, "text")) == "half a sent"
    assert screen.is_checked(on(fax, "mark"), "reject")
    assert screen.is_checked(on(name, "tick"), "1")


def test_htmx_conflict_answers_409_with_page():
    record, (title, *_) = edit()
    hers, his = browser(rita()), browser(rob())
    form = opened(his, record).form | {"do": f"reject:{title.pk}"}
    pressed(hers, opened(hers, record), record, f"do=approve:{title.pk}")

    response = his.post(f"/review/{record.pk}/decide", form, headers=HTMX)

    assert response.status_code == 409
    assert "Approved by Rita in the meantime; your decision was not saved." in Screen(response).words
    assert '"code": "400|409|422", "swap": true' in opened(his, record).html


def test_decision_returns_to_the_same_list():
    record, (title, *_) = edit()
    client = browser(rita())
    form = opened(client, record, "?order=newest").form | {"do": f"approve:{title.pk}"}

    response = client.post(f"/review/{record.pk}/decide?order=newest", form)

    assert (response.status_code, response["Location"]) == (303, f"/review/{record.pk}/?order=newest")
