"""The numbers page: figures, charts, tables, empty states."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from syncapp.activity import daily
from syncapp.models import DailyCount, SyncField
from syncapp.web.activity.numbers_presenter import PANELS
from syncapp.web.base import charts
from syncapp.web.base.charts import Group
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import browser, rita, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scene(settings: Settings) -> None:
    settings.NUMBERS_SECONDS = 0
    scenes.store_columns()


def open_page(query: str = "") -> Screen:
    return Screen(browser(vera()).get(f"/numbers/{query}"))


def table(name: str) -> list[list[str]]:
    text = b"".join(browser(vera()).get(f"/numbers/{name}.csv?weeks=4")).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def edited(column: str = "jobtitle", editor: str = "Jonas Weber") -> SyncField:
    return make_field(make_record(editor=make_editor(editor), edited_on=timezone.now() - timedelta(hours=2)), column)


def test_empty_panels_say_what_will_appear():
    words = open_page().words

    assert "Past days have not been counted yet" in words
    assert "– longest wait" in words
    assert words.count("Not counted yet. Numbers appear once") == len(PANELS) - 1
    assert "nan" not in words.lower()


def test_figures_show_their_age():
    edited()
    daily.update_counts()

    words = open_page().words

    assert "counted just now; waiting edits are current" in words
    assert "1 edit waiting now" in words
    assert "2 h longest wait now" in words


def test_bars_link_to_their_entries():
    scenes.rejected(edited(editor="Jonas"), by=rita())
    edited()
    daily.update_counts()
    since = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday(), weeks=11)

    links = {found["href"] for tag, found in open_page().tags if tag == "a" and "href" in found}
    rejected = f"/activity/?what=field.review.rejected&from={since}"

    assert f"{rejected}&field=jobtitle" in links
    assert f"{rejected}&editor={make_editor('Jonas').pk}" in links
    assert "/review/?age=overdue" in links
    assert "1 entry" in Screen(browser(vera()).get(f"{rejected}&field=jobtitle")).words


def test_bars_have_text_alternatives():
    scenes.approved(edited(), by=rita())
    daily.update_counts()

    labels = [found["aria-label"] for tag, found in open_page().tags if tag == "a" and "aria-label" in found]

    # On a Monday morning the edit arrived last week and was decided this week.
    assert any("1 received" in label for label in labels)
    assert any("1 decided" in label for label in labels)
    assert any("half decided within 2 h, the last after 2 h" in label for label in labels)


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_has_a_table(name):
    scenes.rejected(edited(), by=rita())
    daily.update_counts()

    headers, *rows = table(name)

    assert {len(row) for row in rows} == {len(headers)}
    assert ["Job Title", "1", "1", "100"] in table("fields")


def test_unknown_table_is_not_found():
    assert browser(vera()).get("/numbers/salaries.csv").status_code == 404


@pytest.mark.parametrize(("query", "weeks"), [("", 12), ("?weeks=52", 52), ("?weeks=-1", 12), ("?weeks=9999999", 12)])
def test_unknown_period_uses_the_default(query, weeks):
    scenes.approved(edited(), by=rita())
    daily.update_counts()

    assert open_page(query).words.count("Week of") == 0
    assert sum("Week of" in found.get("aria-label", "") for tag, found in open_page(query).tags) == weeks * 2


def test_page_reads_no_audit_entries():
    client = browser(vera())
    scenes.approved(edited(), by=rita())
    daily.update_counts()
    with CaptureQueriesContext(connection) as few:
        client.get("/numbers/")
    for number in range(10):
        scenes.rejected(edited(editor=f"Editor {number}"), by=rita())
    daily.update_counts()

    with CaptureQueriesContext(connection) as many:
        client.get("/numbers/")

    assert len(many) <= len(few) <= 26
    assert not [query for query in many if "auditentry" in query["sql"]]


def test_opening_the_page_does_not_recount():
    daily.update_counts()
    scenes.approved(edited(), by=rita())

    assert "0 fields decided" in open_page().words
    assert DailyCount.objects.count() == 0


@pytest.mark.parametrize(("largest", "top"), [(0, 2), (1, 2), (3, 4), (9, 10), (10, 10), (11, 20), (399, 400)])
def test_axis_ends_at_round_number(largest, top):
    assert charts.axis_top(largest) == top


def test_small_value_has_a_visible_bar():
    drawn = charts.columns([Group("a", (1.0, 0.0), "", ""), Group("b", (100_000.0, 0.0), "", "")], ("x", "y"))

    heights = [bar.height for group in drawn.groups for bar in group.bars]

    assert heights[0] > 1
    assert heights[1] == 0
    assert heights[2] > 100
