"""Live values on the page of bulk decisions, read from the sandbox."""

from __future__ import annotations

import pytest
from django.test import Client

from syncapp.models import Decision, Selection
from syncapp.review.bulk import selections
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen
from tests.support.world import World

HTMX = {"hx-request": "true"}


def address(step: str = "") -> str:
    return f"/review/selections/{Selection.objects.latest('frozen_at').pk}/{step}"


@pytest.fixture
def client(world: World) -> Client:
    """Return Rita's client after she selected the edits of two contacts; the first has since changed in the CRM."""
    for number in range(2):
        world.edited(number, jobtitle="Head of Procurement")
    signed_in = browser(rita())
    signed_in.post("/review/selections/select", {"all": "all"})
    world.form(world.contact(0), jobtitle="Chief")
    return signed_in


def test_page_reads_live_values_on_load(client):
    page = Screen(client.get(address()))

    assert "Decide 2 fields in 2 edits together" in page.words
    assert "CRM values not read yet." in page.words
    assert "Read CRM values now" in page.words
    assert 'hx-trigger="load, submit"' in page.html


def test_reading_leaves_out_fields_changed_in_crm(client):
    page = Screen(client.post(address("read"), {"fields": "2"}, headers=HTMX))

    assert "CRM now Chief changed after the edit, read just now; left out" in page.words
    assert "Decide 1 field in 1 edit together" in page.words
    assert "Approve 1 field" in page.words
    assert "CRM values read just now." in page.words
    assert 'hx-trigger="submit"' in page.html


def test_reading_works_without_javascript(client):
    page = Screen(client.post(address("read"), follow=True))

    assert "Decide 1 field in 1 edit together" in page.words
    assert "1 field is left out because its value changed in the CRM" in page.words


def test_decision_leaves_out_fields_changed_in_crm(client, world: World):
    client.post(address("read"))

    page = Screen(client.post(address("decide"), {"do": "approve"}, follow=True))

    assert "1 of 1 field approved" in page.words
    assert "Left out" in page.words
    world.forward()
    world.deliver()
    assert [world.value(world.contact(number), "jobtitle") for number in range(2)] == ["Chief", "Head of Procurement"]


def test_unchanged_count_does_not_swap_the_form(client):
    first = Screen(client.post(address("read"), {"fields": "2"}, headers=HTMX))

    second = Screen(client.post(address("read"), {"fields": "1"}, headers=HTMX))

    assert "selection-question" in first.html
    assert "selection-list" in second.html
    assert "selection-question" not in second.html


def test_typed_input_survives_reading(client, monkeypatch):
    monkeypatch.setattr(selections, "MAX_SHOWN", 0)

    typed = {"fields": "2", "number": "12", "code.selection": "not_correct", "text.selection": "Wrong"}
    page = Screen(client.post(address("read"), typed, headers=HTMX))

    assert "Type 1 to confirm" in page.words
    assert 'value="12"' in page.html
    assert 'value="Wrong"' in page.html


def test_page_says_all_fields_are_omitted(client, world: World):
    world.form(world.contact(1), jobtitle="Chief")

    page = Screen(client.post(address("read"), follow=True))

    assert "All fields in this list are left out. Open each contact to decide." in page.words
    assert "Approve" not in page.words


def test_silent_crm_keeps_stored_values(client, world: World):
    world.faults({"status": 503, "times": 50})

    part = Screen(client.post(address("read"), {"fields": "2"}, headers=HTMX))
    page = Screen(client.post(address("read"), follow=True))

    assert "The CRM did not answer; some values have not been read yet." in part.words
    assert "The CRM did not answer. The page shows values read earlier." in page.words
    assert "Decide 2 fields in 2 edits together" in page.words


def test_decided_selection_is_not_read_again(client):
    client.post(address("decide"), {"do": "approve"})

    page = Screen(client.post(address("read"), follow=True))

    assert Decision.objects.count() == 2
    assert "2 of 2 fields approved" in page.words


def test_only_owner_reads_values(client):
    page = Screen(browser(ada()).get(address()))

    assert "load, submit" not in page.html
    assert "Read CRM" not in page.words
    browser(ada()).post(address("read"))
    assert Selection.objects.get().fields == 2, "Ada's request read nothing, so no field was left out"
