"""The page of bulk decisions without JavaScript."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from syncapp.models import Decision, Selection, SyncField
from syncapp.review.bulk import selections
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def many(count: int) -> list[SyncField]:
    return [make_field(make_record(f"Person {number:03}")) for number in range(count)]


def selected(client: Client, **post: object) -> Screen:
    return Screen(client.post("/review/selections/select", post, follow=True))


def address(step: str = "") -> str:
    return f"/review/selections/{Selection.objects.latest('frozen_at').pk}/{step}"


def test_ticked_rows_are_listed_before_deciding():
    fields = many(2)

    page = selected(browser(rita()), record=[fields[0].record_id])

    assert "Decide 1 field in 1 edit together" in page.words
    assert "Person 000 Job Title Buyer becomes Head of Procurement" in page.words
    assert "Person 001" not in page.words
    assert Decision.objects.count() == 0


def test_bulk_approval_lists_results():
    first, second = many(2)
    client = browser(rita())
    selected(client, all="all")
    scenes.approved(first, by=rob())

    page = Screen(client.post(address("decide"), {"do": "approve"}, follow=True))

    assert "1 of 2 fields approved" in page.words
    assert "1 not decided" in page.words
    assert "Approved by Rob in the meantime; your decision was not saved." in page.words
    assert second.decisions.exists()


def test_each_row_shows_its_outcome():
    written, clash, waits = many(3)
    client = browser(rita())
    selected(client, all="all")
    client.post(address("decide"), {"do": "approve"})
    assert "every 5s" in Screen(client.get(address())).html

    scenes.finished(written.decisions.get())
    scenes.conflicting(clash.decisions.get(), "Chief")
    page = Screen(client.get(address()))

    for words in ("Person 000 Job Title", "Written at", "Conflict the CRM’s value changed", "Approved written in"):
        assert words in page.words
    scenes.finished(waits.decisions.get())
    assert "every 5s" not in Screen(client.get(address())).html


def test_result_page_has_constant_queries(django_assert_max_num_queries):
    many(12)
    client = browser(rita())
    selected(client, all="all")
    client.post(address("decide"), {"do": "approve"})

    with django_assert_max_num_queries(22):
        client.get(address())


def test_long_selection_asks_for_its_number(monkeypatch):
    monkeypatch.setattr(selections, "MAX_SHOWN", 5)
    many(6)
    client = browser(rita())
    page = selected(client, all="all")
    assert "5 of 6, chosen at random" in page.words

    refused = Screen(client.post(address("decide"), {"do": "approve", "number": "3"}))
    assert refused.status == 422
    assert "Type 6 to confirm that you mean all of them." in refused.words

    decided = Screen(client.post(address("decide"), {"do": "approve", "number": " 6 "}, follow=True))
    assert "6 of 6 fields approved" in decided.words


def test_fields_needing_a_check_are_listed_first():
    _, hidden, changed = many(3)
    SyncField.objects.filter(pk=hidden.pk).update(proposed_value="Head\u200b of Sales")
    SyncField.objects.filter(pk=changed.pk).update(crm_now_value="Chief", crm_now_read_at=timezone.now())

    page = selected(browser(rita()), all="all")

    assert "Decide 2 fields in 2 edits together" in page.words
    assert "2 need checking: hidden characters 1, changed in the CRM 1" in page.words
    assert "1 field is left out because its value changed in the CRM" in page.words
    assert "Person 002 Job Title Buyer becomes Head of Procurement CRM now Chief" in page.words
    hidden_at, changed_at, plain_at = (
        page.words.index(f"Person {number} Job Title") for number in ("001", "002", "000")
    )
    assert max(hidden_at, changed_at) < plain_at


def test_left_out_fields_are_listed_after_deciding():
    _, changed = many(2)
    SyncField.objects.filter(pk=changed.pk).update(crm_now_value="Chief", crm_now_read_at=timezone.now())
    client = browser(rita())
    selected(client, all="all")

    page = Screen(client.post(address("decide"), {"do": "approve"}, follow=True))

    assert "1 of 1 field approved" in page.words
    assert "Left out" in page.words
    assert "Person 001 Job Title Buyer becomes Head of Procurement CRM now Chief" in page.words


def test_bulk_rejection_for_other_reason_needs_text():
    many(1)
    client = browser(rita())
    selected(client, all="all")

    page = Screen(client.post(address("decide"), {"do": "reject", "code.selection": "other"}))

    assert page.status == 422
    assert "Add an explanation" in page.words
    assert Decision.objects.count() == 0


def test_selection_can_be_undone_and_rest_selected(monkeypatch):
    first, _ = many(2)
    client = browser(rita())
    selected(client, all="all")
    SyncField.objects.filter(pk=first.pk).update(proposed_value="Other")
    client.post(address("decide"), {"do": "approve"})

    assert "1 undone." in Screen(client.post(address("undo"), follow=True)).words
    assert "Decide 1 field" in Screen(client.post(address("select-left"), follow=True)).words


def test_long_selection_shows_progress(monkeypatch):
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 0)
    many(3)
    client = browser(rita())
    selected(client, all="all")

    page = Screen(client.post(address("decide"), {"do": "approve"}, follow=True))

    assert "0 of 3 fields approved" in page.words
    assert "you can leave this page" in page.words


@pytest.mark.parametrize(("person", "status"), [(rita, 200), (ada, 200), (rob, 404), (vera, 404)])
def test_only_owner_and_administrators_see_selection(person, status):
    many(1)
    selected(browser(rita()), all="all")

    assert browser(person()).get(address()).status_code == status


def test_deciding_without_ticks_is_refused():
    page = selected(browser(rita()))

    assert "None of these fields can be decided together. Nothing was changed." in page.words
