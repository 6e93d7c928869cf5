"""Decisions by key: the response to the last one of a contact is the next contact in the list."""

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


def undo(client: Client, record: SyncRecord, query: str = "", **headers: str) -> HttpResponse:
    """Press the undo key on the page of `record`."""
    return client.post(f"/review/{record.pk}/undo{query}", headers=headers or HTMX, follow=not headers)


def test_last_decision_opens_the_next_contact():
    first, second = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)

    response = by_key(browser(rita()), first)

    screen = Screen(response)
    assert open_in(screen) == str(second.pk)
    assert response["HX-Push-Url"] == f"/review/{second.pk}/"
    assert "2 approved." in screen.words
    assert f'id="row-{first.pk}" hx-swap-oob="true"' in screen.html
    assert "aria-current" not in screen.html.partition(f'id="row-{first.pk}"')[2].partition("</li>")[0]


def test_next_contact_matches_the_search():
    waiting("Not asked for", minutes=1)
    first, last = waiting("Marta One"), waiting("Marta Two", minutes=2)

    response = by_key(browser(rita()), first, query="?q=marta")

    assert response["HX-Push-Url"] == f"/review/{last.pk}/?q=marta"


def test_undo_returns_to_the_previous_contact():
    first, second = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    client = browser(rita())
    by_key(client, first)

    response = undo(client, second, "?order=name")

    undone = Screen(response)
    assert "2 undone." in undone.words
    assert open_in(undone) == str(first.pk)
    assert response["HX-Push-Url"] == f"/review/{first.pk}/?order=name"
    fax = SyncField.objects.get(record=first, column_name="fax")
    assert any(tag.get("data-undone") == str(fax.pk) for _, tag in undone.tags), "the first field of the page"
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}


def test_group_undo_is_one_request():
    preferences.change(by=None, field_groups=[{"name": "Numbers", "columns": ["fax", "telephone1"]}])
    first, client = waiting("Marta Villanueva", columns=("jobtitle", "fax", "telephone1")), browser(rita())
    by_key(client, first, do="approve:group-numbers", query="?order=name")

    undo(client, first)

    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}
    assert Decision.objects.count() == 2


def test_undo_reverts_submits_in_reverse_order():
    record, client = waiting("Marta Villanueva"), browser(rita())
    for column in ("jobtitle", "fax"):
        field = SyncField.objects.get(record=record, column_name=column)
        by_key(client, record, do=f"approve:{field.pk}")

    undo(client, record)
    assert list(SyncField.objects.filter(decision="approved").values_list("column_name", flat=True)) == ["jobtitle"]
    undo(client, record)
    assert not SyncField.objects.filter(decision="approved").exists()
    assert "There is nothing to undo." in Screen(undo(client, record)).words


def test_undo_ignores_decisions_of_colleagues():
    record = waiting("Marta Villanueva")
    by_key(browser(rob()), record)

    assert "There is nothing to undo." in Screen(undo(browser(rita()), record)).words
    assert not Decision.objects.filter(state=DecisionState.UNDONE).exists()


def test_undo_does_not_skip_a_written_decision():
    record, client = waiting("Marta Villanueva"), browser(rita())
    fax, title = (SyncField.objects.get(record=record, column_name=name) for name in ("fax", "jobtitle"))
    by_key(client, record, do=f"approve:{fax.pk}")
    by_key(client, record, do=f"approve:{title.pk}")
    scenes.finished(title.decisions.get())

    assert "your last decision is being written or is in the CRM" in Screen(undo(client, record)).words
    assert fax.decisions.get().state == DecisionState.OPEN


def test_undo_is_offered_on_an_empty_list():
    record, client = waiting("Marta Villanueva"), browser(rita())
    by_key(client, record)

    empty = Screen(client.get("/review/"))
    screen = Screen(client.post(f"/review/{record.pk}/undo", follow=True))

    assert "Undo your last decision: Marta Villanueva" in empty.words
    assert open_in(screen) == str(record.pk)
    assert not SyncField.objects.filter(decision="approved").exists()
    assert "Undo your last decision" not in Screen(browser(rob()).get("/review/?tab=writing")).words


def test_contact_with_undecided_fields_stays_open():
    first, _ = waiting("Marta Villanueva"), waiting("Solveig Brandt", minutes=1)
    title = SyncField.objects.get(record=first, column_name="jobtitle")

    response = by_key(browser(rita()), first, do=f"approve:{title.pk}")

    assert open_in(Screen(response)) == str(first.pk)
    assert "HX-Push-Url" not in response


def test_refused_decision_keeps_the_contact_open():
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


def test_mouse_decision_keeps_the_contact_open():
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

    for record, form, max_queries in zip((few, many), forms, (38, 48), strict=True):
        with django_assert_max_num_queries(max_queries):
            client.post(f"/review/{record.pk}/decide", form, headers=HTMX)
