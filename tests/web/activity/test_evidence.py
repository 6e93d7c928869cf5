"""The evidence page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp import audit
from syncapp.models import AuditEntry, AuditValue
from syncapp.web.activity import evidence
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import browser, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_page(query: str = "") -> Screen:
    return Screen(browser(vera()).get(f"/activity/evidence/{query}"))


def test_evidence_names_subject_requester_and_time():
    field = make_field(make_record("Marta Villanueva"))
    scenes.approved(field, by=rita())

    words = open_page(f"?contact={field.record.target_id}").words

    assert "Evidence: contact Marta Villanueva" in words
    assert "Requested by Vera, " in words
    assert "Entries 1 (all so far), oldest first" in words


def test_evidence_contains_only_entries_of_its_subject():
    marta, olivia = make_field(make_record("Marta")), make_field(make_record("Olivia"))
    scenes.approved(marta, by=rita())
    scenes.rejected(olivia, by=rob())
    today = f"{timezone.now():%Y-%m-%d}"

    assert "Olivia" not in open_page(f"?contact={marta.record.target_id}").words
    assert "Marta" not in open_page(f"?person={rob().pk}").words
    assert {"Marta", "Olivia"} <= set(open_page(f"?from={today}&to={today}").words.split())


def test_evidence_starts_with_oldest_entry():
    record = make_record()
    for column in ("jobtitle", "fax"):
        scenes.approved(make_field(record, column), by=rita())

    words = open_page(f"?person={rita().pk}").words

    assert words.index("Job Title") < words.index("Fax")


def test_digest_survives_erasure():
    scenes.approved(make_field(), by=rita())
    entry = AuditEntry.objects.get()
    before = open_page(f"?person={rita().pk}")
    AuditValue.objects.all().delete()

    after = open_page(f"?person={rita().pk}")

    assert audit.seal(entry)[:16] in before.words
    assert audit.seal(entry)[:16] in after.words
    assert "Head of Procurement" in before.words
    assert f"values erased, hash before {entry.before_digest[:12]}" in after.words


@pytest.mark.parametrize("change", [{"action": "field.review.rejected"}, {"before_digest": "0" * 64}, {"channel": "x"}])
def test_altered_entry_has_a_different_digest(change):
    entry = audit.record("field.review.approved", by=rita(), channel="screen", before="Buyer", after="Head")
    sealed = audit.seal(AuditEntry.objects.get(pk=entry.pk))

    AuditEntry.objects.filter(pk=entry.pk).update(**change)

    assert audit.seal(AuditEntry.objects.get(pk=entry.pk)) != sealed


def test_missing_entry_changes_the_digest():
    for _ in range(2):
        audit.record("gate.closed", by=rita(), channel="settings")
    digest = open_page(f"?person={rita().pk}").words.split("Hash of all entries ")[1][:64]

    AuditEntry.objects.first().delete()

    assert digest not in open_page(f"?person={rita().pk}").words


def test_evidence_asks_for_a_subject():
    scenes.approved(make_field(make_record("Marta Villanueva")), by=rita())

    screen = open_page("?q=mar")
    links = [found["href"] for tag, found in screen.tags if tag == "a" and "contact=" in found.get("href", "")]

    assert "on one printable page" in screen.words
    assert "Approved" not in screen.words
    assert len(links) == 1
    assert "Approved" in Screen(browser(vera()).get(links[0])).words


@pytest.mark.parametrize("typed", ["berg", "elodie", "berg elo", "orsted"])
def test_evidence_finds_contacts_by_any_word(typed):
    make_record("Élodie Berg", company="Ørsted")
    make_record("Ulla Other")

    words = open_page(f"?q={typed}").words

    assert "Élodie Berg · Ørsted" in words
    assert "Ulla" not in words
    assert "No edited contact found for “zz berg”" in open_page("?q=zz berg").words


def test_evidence_over_the_limit_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence, "MAX_ENTRIES", 3)
    monkeypatch.setattr(evidence.EvidenceView, "max_entries", 3)
    for _ in range(4):
        audit.record("gate.closed", by=rita(), channel="settings")

    assert "the first 3; select a shorter period to see all" in open_page(f"?person={rita().pk}").words


def test_empty_evidence_says_so():
    tomorrow = f"{timezone.now() + timedelta(days=2):%Y-%m-%d}"

    assert "No entries" in open_page(f"?from={tomorrow}").words


def test_only_long_entries_may_break_across_pages():
    long = make_field(make_record("Marta"), "description", original_value="", proposed_value="Spoke with her. " * 60)
    for field in (long, make_field(make_record("Olivia"))):
        scenes.approved(field, by=rita())

    rows = [tag.get("class", "") for name, tag in open_page(f"?person={rita().pk}").tags if name == "tr"]

    assert rows.count("long") == 1
