"""The activity page: entries, filters, paging, cost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncapp import audit
from syncapp.activity import audit_log
from syncapp.activity.audit_log import AuditFilter
from syncapp.models import AuditEntry, AuditValue, Person, SyncField
from syncapp.review import collaboration, decisions
from syncapp.review.rules import editing
from syncapp.review.rules.editing import RuleDraft
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, browser, fred, nils, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_page(client: Client | None = None, **query: object) -> Screen:
    return Screen((client or browser(vera())).get(f"/activity/?{urlencode(query)}"))


def approved(name: str = "Marta Villanueva", *, by: Person | None = None, column: str = "jobtitle") -> SyncField:
    field = make_field(make_record(name), column)
    scenes.approved(field, by=by or rita())
    return field


def test_decision_entry_shows_person_field_and_values():
    approved("Marta Villanueva")

    words = open_page().words

    assert "Today, " in words
    assert "Rita Approved Marta Villanueva Job Title: Buyer → becomes Head of Procurement page" in words


def test_rejection_shows_value_and_reason():
    scenes.rejected(make_field(), by=rita(), reason_code="crm_only", reason="see the list")

    assert "Head of Procurement · Reason: kept in CRM only: see the list" in open_page().words


def test_worker_entry_names_the_decider():
    field = approved(by=rob())
    decision = field.decisions.get()

    audit.record("field.delivery.written", by=None, channel="worker", field_id=field.pk, decision_id=decision.pk)

    assert "Portal Written for Rob" in open_page().words


def test_undo_entry_names_the_decision():
    decisions.undo(approved().decisions.get().pk, by=rita())

    assert "Undid Marta Villanueva Job Title: the approval" in open_page().words


def test_assignments_and_questions_name_people():
    record = make_record("Olivia Grant")
    collaboration.assign(record.pk, to=rob(), by=rita())
    collaboration.ask(record.pk, colleague=rob(), text="Do you know her?", by=rita())

    words = open_page().words

    assert "Assigned Olivia Grant no one → becomes Rob" in words
    assert "Asked Olivia Grant Rob: · Do you know her?" in words


def test_unknown_action_is_shown_by_name():
    audit.record("rule.simulated_twice", by=rita(), channel="new_channel", details={"would_decide": 7})

    assert "Rita Simulated twice would decide: 7 new channel" in open_page().words


def test_erased_values_are_shown_as_digests():
    approved()
    AuditValue.objects.all().delete()

    words = open_page().words

    assert f"values erased, hash before {audit.digest('Buyer')[:12]}" in words
    assert "Head of Procurement" not in words


def test_values_are_escaped():
    make_field(make_record("<b>Bold</b>"), proposed_value="<script>alert(1)</script>")
    scenes.approved(SyncField.objects.get(), by=rita())

    html = open_page().html

    assert "<script>alert" not in html
    assert "<b>Bold</b>" not in html


def entries(**asked: object) -> list[str]:
    return [entry.action for entry in audit_log.page(AuditFilter(**asked)).entries]


def test_each_filter_finds_its_entries():
    marta, olivia = approved("Marta"), approved("Olivia", by=rob(), column="fax")
    audit.record("gate.closed", by=None, channel="system", details={"gate": "smtp"})
    contact = {"contact": olivia.record.target_id}

    for narrow in ({"person": rob().pk}, {"column": "fax"}, {"name": "oli"}, contact):
        assert [each.field_id for each in audit_log.page(AuditFilter(**narrow)).entries] == [olivia.pk]
    assert entries(area="setting") == entries(by_portal=True) == entries(channel="system") == ["gate.closed"]
    assert entries(action="field.review.approved") == ["field.review.approved"] * 2
    assert entries(name="marta", person=rob().pk) == []
    assert marta.pk in {each.field_id for each in audit_log.page(AuditFilter(person=rita().pk)).entries}


def test_editors_with_same_name_are_distinguished():
    one, two = make_editor("Jonas Weber"), make_editor("jonas weber")
    field = make_field(make_record(editor=one))
    scenes.approved(field, by=rita())
    scenes.approved(make_field(make_record("Other", editor=two)), by=rita())

    assert [each.field_id for each in audit_log.page(AuditFilter(editor=one.pk)).entries] == [field.pk]


def test_search_finds_name_with_many_edits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_log, "FEW_EDITS", 1)
    found = [approved(f"Marta {number}") for number in range(3)]
    approved("Olivia")

    assert {each.field_id for each in audit_log.page(AuditFilter(name="marta")).entries} == {
        field.pk for field in found
    }


def days_ago(days: int, action: str = "gate.closed") -> AuditEntry:
    entry = audit.record(action, by=None, channel="system")
    AuditEntry.objects.filter(pk=entry.pk).update(at=F("at") - timedelta(days=days))
    return entry


def test_period_includes_its_last_day():
    for days in (0, 3, 8):
        days_ago(days)
    day = f"{timezone.now() - timedelta(days=3):%Y-%m-%d}"

    assert open_page(period="7d").html.count('<td role="cell" class="c-time') == 2
    assert open_page(period="today").html.count('<td role="cell" class="c-time') == 1
    assert open_page(**{"from": day, "to": day}).html.count('<td role="cell" class="c-time') == 1
    assert open_page(period="nonsense", **{"from": "yesterday"}).html.count('<td role="cell" class="c-time') == 3


def test_pages_have_no_gap_or_repetition():
    for number in range(23):
        days_ago(number // 4)

    seen: list[int] = []
    page = audit_log.page(AuditFilter(), size=5)
    while page.entries:
        seen += [entry.pk for entry in page.entries]
        page = audit_log.page(AuditFilter(), before=page.entries[-1].pk, size=5)

    assert len(seen) == len(set(seen)) == 23


def test_older_link_keeps_filters():
    for _ in range(60):
        days_ago(0)
    client = browser(vera())
    first = open_page(client, via="system")
    link = next(found["href"] for tag, found in first.tags if tag == "a" and "before=" in found.get("href", ""))

    second = Screen(client.get(link))

    assert first.html.count('<td role="cell" class="c-time') == 50
    assert second.html.count('<td role="cell" class="c-time') == 10
    assert "via=system" in link


def test_chip_removes_its_filter():
    approved("Olivia", by=rob())

    screen = open_page(q="oli", person=rob().pk)
    chips = [found["href"] for tag, found in screen.tags if tag == "a" and found.get("class") == "chip"]

    assert "by Rob" in screen.words
    assert chips == ["/activity/?q=oli", f"/activity/?person={rob().pk}"]
    assert "1 entry" in screen.words


@pytest.mark.parametrize("few", [0, 1000])
def test_search_matches_word_beginnings_in_any_order(monkeypatch, few):
    monkeypatch.setattr(audit_log, "FEW_EDITS", few)
    approved("Olívia Berg", by=rob())
    approved("Ulla Other", by=rob())

    words = open_page(q="berg oli").words

    assert "1 entry" in words
    assert "Olívia Berg" in words


def test_field_filter_offers_only_recorded_fields():
    approved(column="fax")

    html = open_page().source

    assert '<option value="fax">Fax</option>' in html
    assert 'value="emailaddress1"' not in html


def test_empty_pages_say_what_will_appear():
    AuditEntry.objects.all().delete()

    assert "No activity yet" in open_page().words
    assert "No matching entries" in open_page(via="mail").words


@pytest.mark.parametrize("query", [{}, {"q": "marta"}, {"person": uuid.UUID(int=3)}, {"area": "decision"}])
def test_page_needs_constant_queries(query):
    client = browser(vera())
    approved("Marta 1")
    with CaptureQueriesContext(connection) as few:
        open_page(client, **query)
    for number in range(20):
        approved(f"Marta {number}", by=rob() if number % 2 else rita())

    with CaptureQueriesContext(connection) as many:
        open_page(client, **query)

    assert len(many) <= max(len(few), 25)


def test_people_without_a_role_see_nothing():
    approved("Marta")

    screen = open_page(browser(nils()))

    assert screen.status == 403
    assert "Marta" not in screen.html


def test_get_requests_change_nothing():
    approved()
    before = AuditEntry.objects.count()

    open_page()
    b"".join(browser(vera()).get("/activity/export.csv"))

    assert AuditEntry.objects.count() == before


def test_filter_managers_see_no_edits():
    field = approved("Marta Villanueva")
    for action in ("run.started", "policy.created", "filter.switched"):
        audit.record(action, by=fred(), channel="screen", details={"run": 7})
    client = browser(fred())

    pages = [
        client.get(f"/activity/{query}").content.decode()
        for query in ("", "?area=decision", "?q=marta", f"?contact={field.record.target_id}", "?field=jobtitle")
    ]
    table = b"".join(client.get("/activity/export.csv").streaming_content).decode()

    for said in (*pages, table):
        assert "Run started" in said
        assert "Marta" not in said
        assert "Job Title" not in said
    assert "Numbers" not in pages[0]
    assert 'aria-label="Kind"' not in pages[0]
    assert "Marta Villanueva" in open_page().words


def test_new_rule_is_described_in_words():
    draft = RuleDraft("Job titles", "approve", columns=("jobtitle",), kinds=("format",))
    editing.create(draft, by=ada())

    words = open_page(browser(ada())).words

    assert "name: Job titles; outcome: Approve; fields: Job Title; kinds of change: " in words
    assert "{" not in words
