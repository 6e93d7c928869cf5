"""Parking and assigning selected edits: exactly those that are ticked, or all that the list shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from syncapp.models import AuditEntry, SyncRecord
from syncapp.web.review import selected_edits
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import browser, make_person, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db
SOON = timezone.localdate() + timedelta(days=3)


def waiting(*names: str) -> list[SyncRecord]:
    return [make_field(make_record(name)).record for name in names]


def send(client: Client, step: str, query: str = "", **form: object) -> Screen:
    return Screen(client.post(f"/review/selections/{step}{query}", form, follow=True))


def parked() -> set[str]:
    return set(SyncRecord.objects.parked().values_list("name", flat=True))


def test_ticked_edits_are_parked():
    first, second, _ = waiting("Marta", "Solveig", "Nora")

    page = send(browser(rita()), "park", do=SOON.isoformat(), record=[first.pk, second.pk])

    assert parked() == {"Marta", "Solveig"}
    assert "2 edits parked until" in page.words
    entries = AuditEntry.objects.filter(action="record.parked")
    assert {entry.record_id for entry in entries} == {first.pk, second.pk}
    assert len({entry.group for entry in entries}) == 1


def test_parking_all_follows_the_filters():
    waiting("Marta One", "Marta Two", "Solveig")

    page = send(browser(rita()), "park", "?q=marta", do=SOON.isoformat(), all="all")

    assert parked() == {"Marta One", "Marta Two"}
    assert "2 edits parked until" in page.words


def test_ticked_parked_edits_return_to_waiting():
    records = waiting("Marta", "Solveig")
    SyncRecord.objects.update(parked_until=SOON)
    client = browser(rita())
    assert "Return to Waiting" in Screen(client.get("/review/?tab=parked")).words

    page = send(client, "unpark", "?tab=parked", record=[records[0].pk])

    assert parked() == {"Solveig"}
    assert "1 edit back in Waiting." in page.words


@pytest.mark.parametrize(("whom", "owner"), [(rita, "Rita"), (rob, "Rob"), (None, None)])
def test_selected_edits_are_assigned_or_unassigned(whom, owner):
    (record,) = waiting("Marta")
    SyncRecord.objects.update(assigned_to=rob())

    send(browser(rita()), "assign", assignee=str(whom().pk) if whom else "nobody", record=[record.pk])

    record.refresh_from_db()
    assert (record.assigned_to.name if record.assigned_to else None) == owner


def test_refusal_keeps_edits_selected():
    first, second = waiting("Marta", "Solveig")
    client = browser(rita())

    for step, form, words in (
        ("park", {"do": "soon"}, "Choose a day."),
        ("park", {"do": timezone.localdate().isoformat()}, "Choose a day between tomorrow"),
        ("assign", {"assignee": "x"}, "Choose a reviewer."),
        ("assign", {"assignee": str(vera().pk)}, "Vera is not a reviewer."),
    ):
        page = send(client, step, record=[second.pk], **form)
        assert (page.status, words in page.words) == (422, True), words
        assert page.form["record"] == [str(second.pk)]
    assert not SyncRecord.objects.exclude(parked_until=None, assigned_to=None).exists()
    assert first.pk != second.pk


def test_parking_without_selection_is_refused():
    waiting("Marta")

    assert selected_edits.NOTHING_SELECTED in send(browser(rita()), "park", do=SOON.isoformat()).words
    assert parked() == set()


def test_decided_edits_are_not_parked():
    record, other = waiting("Marta", "Solveig")
    scenes.finished(scenes.approved(record.fields.get(), by=rita()))

    send(browser(rita()), "park", do=SOON.isoformat(), record=[record.pk, other.pk])

    assert list(SyncRecord.objects.filter(parked_until=SOON)) == [other]


def test_parking_all_stops_at_the_limit(monkeypatch):
    monkeypatch.setattr(selected_edits, "MAX_EDITS", 2)
    waiting("Marta", "Solveig", "Nora")

    page = send(browser(rita()), "park", do=SOON.isoformat(), all="all")

    assert "2 edits parked until" in page.words
    assert "more match" in page.words
    assert len(parked()) == 2


def test_assign_menu_lists_only_active_reviewers():
    waiting("Marta")
    rob()
    vera()
    make_person("Gone", is_reviewer=True, is_active=False)

    words = Screen(browser(rita()).get("/review/")).words

    assert "Assign to Rita (you) Rob No one" in words
