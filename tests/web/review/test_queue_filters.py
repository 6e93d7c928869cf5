"""Filters of the queue: alone, combined, in the address, and saved as a view."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from syncapp import preferences
from syncapp.accounts import saved_views
from syncapp.models import SavedView, SyncRecord
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.review.queue import criteria, reads
from syncapp.review.queue.criteria import Criteria, Tab
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_editor, make_field, make_record
from tests.support.people import ada, browser, rita, rob
from tests.support.screen import Screen, text
from tests.web.review.test_refused_inputs import refused_input

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_queue(client: Client, query: str = "") -> Screen:
    return Screen(client.get(f"/review/{query}"))


def names(wanted: Criteria, tab: Tab = Tab.WAITING) -> list[str]:
    return [record.name for record in reads.page(tab, order=reads.Order.NAME, criteria=wanted).records]


def waiting(name: str, column: str = "jobtitle", kind: ChangeKind = ChangeKind.OTHER, **values: object) -> SyncRecord:
    return make_field(make_record(name, **values), column, change_kind=kind).record


@pytest.mark.parametrize("few", [0, 1000])
def test_field_and_kind_filters_find_edits(monkeypatch, few):
    monkeypatch.setattr(criteria, "MAX_RARE_FIELDS", few)
    waiting("Ann", "telephone1", ChangeKind.FORMAT)
    waiting("Bea", "telephone1")
    waiting("Cleo", "jobtitle", ChangeKind.FORMAT)

    assert names(Criteria(column="telephone1")) == ["Ann", "Bea"]
    assert names(Criteria(kind=ChangeKind.FORMAT)) == ["Ann", "Cleo"]
    assert names(Criteria(column="telephone1", kind=ChangeKind.FORMAT)) == ["Ann"]


def test_waiting_filters_ignore_decided_fields():
    record = waiting("Ann", "telephone1")
    make_field(record, "jobtitle")
    scenes.finished(scenes.approved(record.fields.get(column_name="telephone1"), by=rita()))

    assert names(Criteria(column="telephone1")) == []
    assert names(Criteria(column="jobtitle")) == ["Ann"]


@pytest.mark.parametrize("few", [0, 1000])
def test_field_filter_narrows_decided_edits(monkeypatch, few):
    monkeypatch.setattr(criteria, "MAX_RARE_FIELDS", few)
    for name, column in (("Ann", "telephone1"), ("Bea", "jobtitle")):
        scenes.finished(scenes.approved(waiting(name, column).fields.get(), by=rita()))

    assert names(Criteria(column="telephone1"), Tab.DECIDED) == ["Ann"]


def test_default_order_depends_on_the_tab():
    for name, days in (("Ann", 2), ("Bea", 1), ("Cleo", 2), ("Dora", 1)):
        field = waiting(name, edited_on=timezone.now() - timedelta(days=days)).fields.get()
        if name in ("Ann", "Bea"):
            scenes.finished(scenes.approved(field, by=rita()))

    decided, here = open_queue(browser(rita()), "?tab=decided").words, open_queue(browser(rita())).words

    assert decided.index("Bea") < decided.index("Ann")
    assert here.index("Cleo") < here.index("Dora")
    assert 'href="/review/?tab=decided&amp;order=oldest"' in open_queue(browser(rita()), "?tab=decided").html


def test_editor_age_and_owner_filters_find_edits():
    jonas, now = make_editor("Jonas"), timezone.now()
    waiting("Ann", editor=jonas, edited_on=now - timedelta(days=40))
    waiting("Bea", editor=make_editor("Ulla"), edited_on=now - timedelta(days=3), assigned_to=rita())
    waiting("Cleo", editor=jonas, edited_on=now)

    assert names(Criteria(editor=jonas.pk)) == ["Ann", "Cleo"]
    assert [names(Criteria(age=age)) for age in criteria.Age] == [
        ["Cleo"],
        ["Ann", "Bea"],
        ["Ann", "Bea"],
        ["Ann"],
        ["Ann"],
    ]
    assert names(Criteria(owner=rita().pk)) == ["Bea"]


def test_backlog_mode_marks_nothing_overdue():
    waiting("Ann", edited_on=timezone.now() - timedelta(days=40))
    assert "overdue, " in open_queue(browser(rita())).words

    preferences.change(by=ada(), backlog=True)

    assert "overdue, " not in open_queue(browser(rita())).words
    assert names(Criteria(age=criteria.Age.OVERDUE)) == []


def test_active_filters_are_shown_and_removable():
    waiting("Ann", "telephone1", ChangeKind.FORMAT)
    waiting("Bea")

    page = open_queue(browser(rita()), "?field=telephone1&kind=format")

    assert "1 match" in page.words
    assert "Remove the filter Format only" in page.words
    assert "Bea" not in page.words
    assert any(found.get("href") == "/review/?field=telephone1" for tag, found in page.tags if tag == "a")


def test_filter_choices_come_from_waiting_edits():
    waiting("Ann", "telephone1")
    waiting("Bea", "emailaddress1")

    assert reads.changed_columns(Tab.WAITING) == ["emailaddress1", "telephone1"]
    assert reads.changed_columns(Tab.DECIDED) == []


def test_saved_view_belongs_to_its_owner():
    client = browser(rita())
    client.post("/review/views/save?kind=format&after=1&junk=2", {"name": "  Format   only "})

    view = SavedView.objects.get()

    assert (view.name, view.query) == ("Format only", "?kind=format")
    assert "Format only" in open_queue(client).words
    assert saved_views.list_for(SavedView, rob()) == []
    browser(rob()).post(f"/review/views/{view.pk}/delete")
    assert SavedView.objects.exists()
    client.post(f"/review/views/{view.pk}/delete")
    assert not SavedView.objects.exists()


def test_unnamed_view_is_refused():
    screen = Screen(browser(rita()).post("/review/views/save?kind=format", {"name": " "}))

    assert screen.status == 422
    assert refused_input(screen) == ("name", "Enter a name for the view.")
    assert not SavedView.objects.exists()


def test_view_over_the_limit_keeps_its_name():
    SavedView.objects.bulk_create(
        SavedView(person=rita(), name=f"View {number}", query="") for number in range(saved_views.MAX_VIEWS)
    )

    screen = Screen(browser(rita()).post("/review/views/save", {"name": "One more"}))

    name, message = refused_input(screen)
    assert (screen.status, name, screen.input("name")) == (422, "name", "One more")
    assert str(saved_views.MAX_VIEWS) in message


def test_link_counts_new_matching_edits():
    waiting("Ann")
    client = browser(rita())
    fragment = {"since": EDITED_ON.isoformat()}
    assert re.search(r"Show \d+ new", Screen(client.get("/review/fresh", fragment)).words) is None

    waiting("Bea", edited_on=EDITED_ON + timedelta(minutes=1))

    assert "Show 1 new" in Screen(client.get("/review/fresh", fragment)).words
    assert re.search(r"Show \d+ new", Screen(client.get("/review/fresh", fragment | {"kind": "format"})).words) is None


def test_only_an_empty_list_loads_new_edits():
    """If rows are shown, none may move without an action."""
    client = browser(rita())
    empty = text(client.get("/review/?q=Cid"))
    waiting("Ann")
    full = text(client.get("/review/"))
    waiting("Cid", edited_on=EDITED_ON + timedelta(minutes=1))
    since = {"since": EDITED_ON.isoformat()}

    assert ('"empty": "1"' in empty, '"empty": "1"' in full) == (True, False)
    assert 'hx-trigger="load, click"' in text(client.get("/review/fresh", since | {"q": "Cid", "empty": "1"}))
    assert 'hx-trigger="load, click"' not in text(client.get("/review/fresh", since))


def test_written_rows_are_refreshed():
    (first, second), by = [make_field(make_record(name)) for name in ("Ann", "Bea")], rita()
    done, _ = scenes.approved(first, by=by), scenes.approved(second, by=by)
    client = browser(by)
    writing = open_queue(client, "?tab=writing").form["writing"]
    assert set(writing) == {f"{first.record_id}.undo", f"{second.record_id}.undo"}
    query = {"writing": [*writing, "nonsense"]}
    assert client.get("/review/written", query).status_code == 204

    scenes.finished(done)

    rows = Screen(client.get("/review/written", query))
    assert f'id="row-{first.record_id}" hx-swap-oob="true"' in rows.html
    assert "Ann" in rows.words
    assert "Written" in rows.words
    assert "Bea" not in rows.words


def test_parked_edits_have_their_own_tab():
    waiting("Ann", parked_until=timezone.localdate() + timedelta(days=3))

    assert names(Criteria()) == []
    assert names(Criteria(column="jobtitle"), Tab.PARKED) == ["Ann"]
    assert "Parked 1" in open_queue(browser(rita())).words
