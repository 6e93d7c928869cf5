"""The states of an edit in the list and on the record page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from syncapp.jobs import breakers
from syncapp.mirror.edits import pull
from syncapp.models import Breaker, Connection, Decision, Heartbeat, MirrorCursor, SyncField
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, rita, rob, vera
from tests.support.screen import Screen, opened, text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def row_of(field: SyncField, client: Client | None = None, tab: str = "writing") -> str:
    """Return the row that the list shows for this field's edit."""
    page = Screen((client or browser(rita())).get(f"/review/?tab={tab}")).html
    row = page[page.index(f'id="row-{field.record_id}"') :]
    return " ".join(strip_tags(row[: row.index("</li>")]).split())


def due(decision: Decision) -> Decision:
    Decision.objects.filter(pk=decision.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    return decision


def stop() -> None:
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Upgrade", probe_in=None, by=ada())


def test_undo_badge_depends_on_the_reader():
    field = make_field()
    scenes.approved(field, by=rita())

    assert re.search(r"Undo \d+ s$", row_of(field))
    assert re.search(r"Written in \d+ s$", row_of(field, browser(rob())))
    assert re.search(r"Written in \d+ s$", row_of(field, browser(vera())))
    assert "Being written" not in row_of(field)


def test_rejection_badge_says_final_instead_of_written():
    field = make_field()
    decision = scenes.rejected(field, by=rita())

    assert re.search(r"Final in \d+ s$", row_of(field, browser(rob())))
    due(decision)
    assert "Being rejected" in row_of(field)


def test_due_decision_is_being_written():
    field = make_field()
    due(scenes.approved(field, by=rita()))

    assert "Being written" in row_of(field)


def test_stopped_writing_holds_decisions():
    field = make_field()
    decision = scenes.approved(field, by=rita())
    stop()

    assert re.search(r"undo for \d+ s, then held", opened(browser(rita()), field.record).words)
    due(decision)
    assert "Held: writing is stopped" in row_of(field)
    words = opened(browser(rita()), field.record).words
    assert "Approved, held writing is stopped" in words
    assert "being written" not in words


def test_read_only_connection_holds_decisions():
    field = make_field()
    due(scenes.approved(field, by=rita()))
    Connection.objects.create(organization_id=field.record_id, origin="https://crm.example", review_writes=False)

    assert "Held: this connection is read-only" in row_of(field)


def test_decision_already_sent_is_written_despite_stop():
    field = make_field()
    scenes.being_written(scenes.approved(field, by=rita()))
    stop()

    assert "Being written" in row_of(field)


def test_partly_decided_row_counts_undecided_fields():
    record = make_record()
    fax = make_field(record, "fax")
    scenes.finished(scenes.approved(make_field(record, "jobtitle"), by=rita()))

    words = row_of(fax, tab="waiting")

    assert "1 of 2 left: Fax" in words
    assert "Job Title" not in words
    assert "Written" not in words


def test_decided_row_still_names_the_editor():
    field = make_field()
    scenes.approved(field, by=rita())

    assert field.record.editor_name in row_of(field)


def test_list_follows_each_decision_state():
    field = make_field()
    decision = scenes.approved(field, by=rita())
    client = browser(rita())
    ask = {"writing": Screen(client.get("/review/?tab=writing")).form["writing"]}
    assert client.get("/review/written", ask).status_code == 204

    due(decision)
    assert "Being written" in Screen(client.get("/review/written", ask)).words
    stop()
    assert "Held: writing is stopped" in Screen(client.get("/review/written", ask)).words


@pytest.mark.parametrize("cause", ["stop", "read_only"])
def test_connection_status_names_stop_and_read_only(cause):
    Heartbeat.objects.create(name="worker", answered_at=timezone.now())
    for table in (pull.FIELDS, pull.RECORDS):
        MirrorCursor.objects.create(table=table, pulled_at=timezone.now())
    if cause == "stop":
        stop()
    else:
        Connection.objects.create(organization_id=ada().oid, origin="https://crm.example", review_writes=False)
    client = browser(rita())

    html = client.get("/review/").content.decode()
    connection = html[html.index('<span class="connection') :][:300]

    assert "CRM connected" not in connection
    assert {"stop": "Writing stopped", "read_only": "Read-only"}[cause] in connection


def test_empty_waiting_tab_links_to_attention():
    scenes.conflicting(scenes.approved(make_field(), by=rita()), "Chief")

    html = text(browser(rita()).get("/review/"))

    assert html.count("1 needs attention") == 2
    assert "Select an edit from the list" not in html


def test_attention_link_is_hidden_without_conflicts():
    html = browser(rita()).get("/review/").content.decode()

    assert "attention</a>" not in html
    assert "No edits waiting" in html


def test_list_marks_edits_changed_in_crm():
    changed, same, unread = (make_field(make_record(name)) for name in ("Marta", "Olivia", "Petra"))
    for field, value in ((changed, "Chief"), (same, same.staged_value)):
        SyncField.objects.filter(pk=field.pk).update(crm_now_value=value, crm_now_read_at=timezone.now())

    assert "Changed in CRM" in row_of(changed, tab="waiting")
    for field in (same, unread):
        assert "Changed in CRM" not in row_of(field, tab="waiting")
