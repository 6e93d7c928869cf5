"""Decisions by key: the answer to the last one is the next contact of the list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client

from syncapp import preferences
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.review.decision import DecisionState
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_field, make_record
from tests.support.people import browser, rita, rob
from tests.support.screen import Screen, opened, pressed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "record"}


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def waiting(name: str, *, minutes: int = 0, columns: tuple[str, ...] = ("jobtitle", "fax")) -> SyncRecord:
    record = make_record(name, edited_on=EDITED_ON + timedelta(minutes=minutes))
    for column in columns:
        make_field(record, column)
    record.refresh_from_db()
    return record


def by_key(client: Client, record: SyncRecord, do: str = "approve-all", query: str = "") -> HttpResponse:
    form = opened(client, record, query).form | {"do": do, "next": "contact"}
    return client.post(f"/review/{record.pk}/decide{query}", form, headers=HTMX)


def open_in(screen: Screen) -> str:
    return next(tag["data-record"] for _, tag in screen.tags if tag.get("id") == "record")


def flash(screen: Screen) -> dict[str, str]:
    return next(tag for _, tag in screen.tags if "data-decided" in tag)


def test_last_decision_answers_with_next_contact():
    first, second = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)

    response = by_key(browser(rita()), first)

    screen = Screen(response)
    assert open_in(screen) == str(second.pk)
    assert response["HX-Push-Url"] == f"/review/{second.pk}/"
    assert "2 approved." in screen.words
    assert f'id="row-{first.pk}" hx-swap-oob="true"' in screen.html
    assert "aria-current" not in screen.html.partition(f'id="row-{first.pk}"')[2].partition("</li>")[0]


def test_record_keeps_its_list():
    waiting("Not asked for", minutes=1)
    first, last = waiting("Marta One"), waiting("Marta Two", minutes=2)

    response = by_key(browser(rita()), first, query="?q=marta")

    assert response["HX-Push-Url"] == f"/review/{last.pk}/?q=marta"


def test_decisions_on_previous_contacts_can_be_undone():
    first, _ = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    client = browser(rita())

    left = flash(Screen(by_key(client, first)))
    undone = Screen(client.post(left["data-undo"], headers=HTMX))

    assert left["data-decided"] == str(first.pk)
    assert "2 undone." in undone.words
    assert open_in(undone) == str(first.pk)
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}


def test_group_undo_is_one_request():
    preferences.change(by=None, field_groups=[{"name": "Numbers", "columns": ["fax", "telephone1"]}])
    first, client = waiting("Marta Villanueva", columns=("jobtitle", "fax", "telephone1")), browser(rita())

    left = flash(Screen(by_key(client, first, do="approve:group-numbers", query="?order=name")))
    client.post(left["data-undo"], headers=HTMX)

    assert left["data-undo"].startswith(f"/review/{first.pk}/undo?order=name&of=")
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}
    assert Decision.objects.count() == 2


def test_undo_ignores_decisions_of_other_edits():
    first, other = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    client = browser(rita())
    left = flash(Screen(by_key(client, first)))

    client.post(left["data-undo"].replace(str(first.pk), str(other.pk)), headers=HTMX)

    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.OPEN}


def test_contact_with_undecided_fields_stays():
    first, _ = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    title = SyncField.objects.get(record=first, column_name="jobtitle")

    response = by_key(browser(rita()), first, do=f"approve:{title.pk}")

    assert open_in(Screen(response)) == str(first.pk)
    assert "HX-Push-Url" not in response


def test_refused_items_keep_their_reason():
    first, _ = waiting("Marta Villanueva", columns=("jobtitle",)), waiting("Solveig Brandt", minutes=1)
    hers, his = browser(rita()), browser(rob())
    form = opened(his, first).form | {"do": "approve-all", "next": "contact"}
    pressed(hers, opened(hers, first), first, "do=approve-all")

    response = his.post(f"/review/{first.pk}/decide", form, headers=HTMX)

    assert response.status_code == 409
    assert open_in(Screen(response)) == str(first.pk)


def test_last_contact_stays_open():
    last = waiting("Marta Villanueva")

    assert open_in(Screen(by_key(browser(rita()), last))) == str(last.pk)


def test_mouse_decision_stays_on_the_contact():
    first, _ = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    client = browser(rita())
    form = opened(client, first).form | {"do": "approve-all"}

    response = client.post(f"/review/{first.pk}/decide", form, headers=HTMX)

    assert open_in(Screen(response)) == str(first.pk)


def test_next_contact_starts_with_empty_inputs():
    first, _ = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    client = browser(rita())
    form = opened(client, first).form | {"do": "approve-all", "next": "contact", "text.all": "half a sentence"}

    screen = Screen(client.post(f"/review/{first.pk}/decide", form, headers=HTMX))

    assert "half a sentence" not in screen.html


def test_submit_costs_one_query_per_field(django_assert_max_num_queries):
    few = waiting("Marta Villanueva")
    many = waiting("Solveig Brandt", minutes=1, columns=tuple(f"column_{number}" for number in range(12)))
    waiting("Nora Lind", minutes=2)
    client = browser(rita())
    forms = [opened(client, record).form | {"do": "approve-all", "next": "contact"} for record in (few, many)]

    for record, form, max_queries in zip((few, many), forms, (37, 47), strict=True):
        with django_assert_max_num_queries(max_queries):
            client.post(f"/review/{record.pk}/decide", form, headers=HTMX)
