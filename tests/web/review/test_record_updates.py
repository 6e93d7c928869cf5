"""Updates of an open record page by htmx."""

from __future__ import annotations

import pytest

from syncapp.review import decisions, follow_ups
from syncapp.review.context import digest
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import browser, rita, rob, vera
from tests.support.screen import Screen, opened
from tests.web.review.test_record_page import page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def test_htmx_gets_only_the_record():
    field = make_field()

    part = opened(browser(rita()), field.record, **{"HX-Request": "true"})
    whole = opened(browser(rita()), field.record)

    assert part.source.startswith('<title> Marta Villanueva · Outlook Sync</title> <section class="pane record"')
    assert whole.html.startswith("<!DOCTYPE html>")
    assert "HX-Request" in part.response["Vary"]
    assert "HX-Request" in whole.response["Vary"]


def test_browser_history_request_gets_whole_page():
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}

    assert opened(browser(rita()), make_field().record, **headers).html.startswith("<!DOCTYPE html>")


def polled(screen: Screen) -> dict[str, str]:
    return next(found for tag, found in screen.tags if found.get("id") == "pulse")


def test_page_polls_only_while_writing():
    still, moving = make_field(), make_field()
    scenes.approved(moving, by=rita())

    assert "hx-get" not in polled(page(still))
    assert polled(page(moving))["hx-trigger"] == "every 2s"


def test_poll_returns_only_requested_rows():
    record = make_record()
    typed_in, moving = make_field(record, "fax"), make_field(record)
    decision = scenes.approved(moving, by=rita())
    scenes.finished(decision)

    part = opened(browser(rita()), record, f"?live={moving.pk}", **{"HX-Request": "true"})

    assert f'id="field-{moving.pk}" hx-swap-oob="true"' in part.html
    assert "Written" in part.words
    assert f"field-{typed_in.pk}" not in part.html
    assert "hx-get" not in polled(part)


def test_poll_keeps_the_message_of_the_decision():
    """The message about a field left out stays until the next decision, even after the others are written."""
    record = make_record()
    make_field(record, "fax")
    moving = make_field(record)
    scenes.finished(scenes.approved(moving, by=rita()))

    poll = opened(browser(rita()), record, f"?live={moving.pk}", **{"HX-Request": "true"})

    assert 'id="tab-waiting"' in poll.html
    assert 'id="flash"' not in poll.html


def test_poll_keeps_naming_the_first_decider():
    field = make_field()
    scenes.being_written(scenes.approved(field, by=rob()))
    query = f"?live={field.pk}&told="

    informed = opened(browser(rita()), field.record, f"{query}{field.pk}", **{"HX-Request": "true"})
    plain = opened(browser(rita()), field.record, query, **{"HX-Request": "true"})

    assert "Approved by Rob in the meantime; your decision was not saved." in informed.words
    assert str(field.pk) in polled(informed)["hx-vals"].rpartition("told")[2]
    assert "your decision was not saved" not in plain.words


def test_conflict_appears_in_open_page():
    field = make_field()
    scenes.conflicting(scenes.approved(field, by=rita()), "Chief")

    part = opened(browser(rita()), field.record, f"?live={field.pk}", **{"HX-Request": "true"})

    assert "nothing was overwritten" in part.words
    assert part.offers(f"do=keep:{field.pk}")


def test_put_back_shows_its_countdown():
    field = make_field()
    scenes.finished(scenes.approved(field, by=rita()))
    follow_ups.put_back(field.pk, by=rita(), reason="wrong person")

    assert "Old value put back written in 10 s" in page(field).words


def test_viewer_sees_countdown_without_undo():
    field = make_field()
    decisions.reject(field.pk, by=rita(), seen=digest(field))

    screen = page(field, vera())

    assert "Rejected by Rita final in 10 s" in screen.words
    assert not screen.offers("do=undo")
