"""Runs and bulk decisions on the activity page: one row each, which opens."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncapp import audit
from syncapp.activity import audit_log
from syncapp.activity.audit_log import AuditFilter
from syncapp.audit import Fact
from syncapp.models import (
    AuditEntry,
    FilterPolicy,
    FilterRun,
    FilterRunItem,
    FilterUser,
    Person,
    Selection,
    SelectionItem,
    SyncField,
)
from syncapp.models.jobs.job import JobState
from syncapp.models.review.decision import Outcome
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import BulkDecision
from syncapp.review.queue.criteria import NO_CRITERIA
from tests.models.test_work_indexes import analyze, plan
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, fred, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_page(client: Client | None = None, query: str = "") -> Screen:
    return Screen((client or browser(vera())).get(f"/activity/{query}"))


def toggles(screen: Screen) -> list[dict[str, str]]:
    return [found for tag, found in screen.tags if tag == "a" and found.get("class") == "toggle"]


def table(screen: Screen) -> str:
    """Return the page's words without its filters."""
    return screen.words.rpartition("Export CSV")[2]


def make_run(number: int = 4, *, users: int = 3, failed: int = 1, **columns: Any) -> FilterRun:
    """Return an ended run that switched appointments off, with its audit entries as operations write them."""
    now = timezone.now()
    defaults = {"tables": list(APPOINTMENT_TABLES), "person": fred(), "state": "done"}
    defaults |= {"started_at": now, "finished_at": now}
    run = FilterRun.objects.create(number=number, users=users, **defaults | columns)
    people = [FilterUser(id=uuid.uuid4(), name=f"User {number}-{n}", read_at=now) for n in range(users)]
    FilterUser.objects.bulk_create(people)
    outcomes = ["failed"] * failed + ["done"] * (users - failed)
    items = [
        FilterRunItem(
            run=run, user=user, position=n, plan="change", outcome=outcome, why="Not allowed." if n < failed else "",
            state=JobState.DONE, due_at=now, finished_at=now,
        )
        for n, (user, outcome) in enumerate(zip(people, outcomes, strict=True))
    ]  # fmt: skip
    FilterRunItem.objects.bulk_create(items)
    audit.record("run.frozen", by=run.person, channel="screen", group=run.pk, details={"run": number, "users": users})
    audit.record("run.started", by=run.person, channel="screen", group=run.pk, details={"run": number, "users": users})
    facts = [
        Fact(
            "filter.switched", by=None, channel="run", group=run.pk,
            details={"user": str(item.user_id), "outcome": item.outcome, "filters": ["1", "2"]},
        )
        for item in items
    ]  # fmt: skip
    audit.record_all(facts)
    ended = {"run": number, "done": users - failed, "failed": failed}
    audit.record("run.done", by=None, channel="system", group=run.pk, details=ended)
    return run


def decided_together(fields: Sequence[SyncField], outcome: Outcome = Outcome.APPROVED, *, by: Person) -> Selection:
    """Select the edits of these fields, and decide them."""
    ids = list(dict.fromkeys(field.record_id for field in fields))
    selection = selections.select_rows(ids, criteria=NO_CRITERIA, query="", person=by)
    selections.start(selection, BulkDecision(outcome, reason_code="not_correct"), number=selection.fields, by=by)
    return selection


def test_run_is_one_row():
    make_run(users=3, failed=1)

    screen = open_page()

    assert "Fred Switched off Run 4 Appointments off for 3 users: 2 done, 1 failed filter run" in screen.words
    assert screen.html.count('<td role="cell" class="c-time') == 1
    assert "User 4-0" not in screen.words


def test_every_entry_can_be_shown_ungrouped():
    make_run(users=3)

    screen = open_page(query="?lines=1")

    assert screen.html.count('<td role="cell" class="c-time') == 6
    assert "Switched off User 4-2" in screen.words
    assert "Group runs and bulk decisions" in screen.words


def test_toggle_expands_and_collapses_the_run():
    make_run(users=3, failed=1)
    client = browser(vera())
    (toggle,) = toggles(open_page(client))

    opened = Screen(client.get(toggle["href"]))

    assert toggle["aria-label"] == "Open run 4, 3 users"
    assert toggles(opened)[0]["aria-expanded"] == "true"
    assert "1 failed: not written; see the reason per user Show 1" in opened.words
    assert "Fred Run started Appointments off · 3 users" in opened.words
    assert "User 4-2 Switched off Appointments off, 2 filters · done" in opened.words
    assert "User 4-0 Not switched off Appointments off, 2 filters · failed · Not allowed." in opened.words
    assert "All 3 users" in opened.words
    closed = Screen(client.get(toggles(opened)[0]["href"]))
    assert "User 4-2" not in closed.words


def test_htmx_gets_the_same_row():
    make_run()
    client = browser(vera())
    (toggle,) = toggles(open_page(client))

    part = client.get(toggle["hx-get"], headers={"HX-Request": "true"}).content.decode()

    assert part.strip().startswith("<tbody")
    assert part.count("<tbody") == 1
    assert "User 4-2" in part
    page = client.get(toggle["href"]).content.decode()
    assert " ".join(part.split()) in " ".join(page.split())


def test_entry_address_redirects_to_its_opened_row():
    run = make_run()
    entry = AuditEntry.objects.get(group=run.pk, action="run.done")

    response = browser(vera()).get(f"/activity/entries/{entry.pk}/")

    assert response.url == f"/activity/?open={entry.pk}#entry-{entry.pk}"
    assert browser(vera()).get("/activity/entries/999999999/").status_code == 404


def test_filter_managers_cannot_open_edit_entries():
    field = make_field(make_record("Marta"))
    scenes.approved(field, by=rita())
    entry = AuditEntry.objects.get()

    assert browser(fred()).get(f"/activity/entries/{entry.pk}/").status_code == 404
    assert browser(vera()).get(f"/activity/entries/{entry.pk}/").status_code == 302


def test_opened_run_lists_at_most_ten_users():
    make_run(users=25, failed=0)
    client = browser(vera())

    opened = Screen(client.get(toggles(open_page(client))[0]["href"]))

    assert opened.html.count("Appointments <b>off</b>, 2 filters") == 10


def test_undo_names_the_undone_run():
    first = make_run(4)
    audit.record("run.undone", by=fred(), channel="screen", group=first.pk, details={"run": 4, "users": 2})
    make_run(5, users=2, failed=0, wanted_on=True, undoes=first)

    words = table(open_page())

    assert "Undid Run 4 Appointments on again for 2 users by run 5: 2 done" in words
    assert "Undo started" not in words
    assert "Switched off Run 4" in words


def test_policy_round_is_named_by_its_policy():
    policy = FilterPolicy.objects.create(
        name="Riva users", team_id=uuid.uuid4(), author=fred(), due_at=timezone.now(), tables=list(APPOINTMENT_TABLES)
    )
    make_run(policy=policy, failed=0)

    words = open_page().words

    assert "Portal Policy repaired Riva users Appointments off for 3 users in run 4: 3 done policy, for Fred" in words


def test_unfinished_run_shows_its_current_step():
    run = make_run(state="paused", paused_because="failures", finished_at=None)
    AuditEntry.objects.filter(group=run.pk, action="run.done").delete()
    audit.record("run.paused", by=None, channel="system", group=run.pk, details={"run": 4, "because": "failures"})

    words = open_page().words

    assert "Run paused Run 4 Appointments off for 3 users: 2 done, 1 failed · too many users failed" in words
    assert words.count("Run 4") == 1


def test_bulk_decision_is_one_row():
    fields = [make_field(make_record(f"Marta {n}")) for n in range(3)]
    selection = decided_together(fields, by=rita())

    screen = open_page()

    assert "Approved together 3 fields 3 edits · 3 to be written selected in Review" in screen.words
    assert screen.html.count('<td role="cell" class="c-time') == 1
    assert any(found.get("href") == f"/review/selections/{selection.pk}/" for _, found in screen.tags)


def test_opened_bulk_decision_lists_fields():
    decided_together([make_field(make_record(f"Marta {n}")) for n in range(2)], by=rita())
    client = browser(vera())

    opened = Screen(client.get(toggles(open_page(client))[0]["href"]))

    assert "Marta 1 Approved Job Title: Buyer → becomes Head of Procurement" in opened.words
    assert "All 2 fields" in opened.words


def test_bulk_decision_row_includes_its_deliveries():
    decided_together([make_field(make_record("Marta"))], by=rita())
    alone = scenes.approved(make_field(make_record("Olivia")), by=rita())
    for decision in (SelectionItem.objects.get().decision, alone):
        scenes.finished(decision)
        ids = {"record_id": decision.field.record_id, "field_id": decision.field_id, "decision_id": decision.pk}
        audit.record("field.delivery.written", by=None, channel="worker", **ids)

    words = open_page().words

    assert "1 edit · 1 written" in words
    assert "Written Olivia" in words
    assert "Written Marta" not in words
    assert "Written Marta" in open_page(query="?area=delivery").words


def test_decision_area_includes_bulk_decisions():
    decided_together([make_field()], Outcome.REJECTED, by=rita())

    assert "Rejected together" in table(open_page(query="?area=decision"))
    assert "Rejected together" not in table(open_page(query="?area=setting"))


def test_migration_moves_bulk_decisions_to_decision_area():
    audit.record("selection.approved", by=rita(), channel="screen", details={"contacts": 1, "fields": 2})
    audit.record("settings.changed", by=ada(), channel="settings", details={"setting": "backlog"})
    AuditEntry.objects.update(area="setting")

    import_module("syncapp.migrations.0082_bulk_decisions_area").fill(apps, None)

    assert dict(AuditEntry.objects.values_list("action", "area")) == {
        "selection.approved": "decision",
        "settings.changed": "setting",
    }


def test_searches_show_entries_without_grouping():
    field = make_field(make_record("Marta Villanueva"))
    decided_together([field], by=rita())
    run = make_run()

    for query in ("?q=marta", f"?contact={field.record.target_id}", "?field=jobtitle", "?via=selection"):
        assert "Rita Approved Marta Villanueva Job Title" in open_page(query=query).words
    for query in ("?what=filter.switched", "?via=run"):
        assert "Switched off User 4-1" in open_page(query=query).words
    assert f"/filters/runs/{run.pk}/" in open_page(query=f"?person={fred().pk}").html


def test_person_filter_shows_that_persons_run_steps():
    make_run()
    words = table(open_page(query=f"?person={fred().pk}"))

    assert "Fred Run started Run 4 Appointments off · 3 users page" in words
    assert "Fred Run planned Run 4" in words
    assert "User 4-1" not in words
    assert "Portal Run ended Run 4 Appointments off · 2 done, 1 failed" in table(open_page(query="?person=portal"))
    assert "Run 4" not in table(open_page(query=f"?person={rob().pk}"))


def test_export_lists_every_entry():
    make_run(users=3)

    table = b"".join(browser(vera()).get("/activity/export.csv").streaming_content).decode()

    assert table.count("\n") == 1 + 6


def test_grouped_pages_have_no_gap_or_repetition():
    for number in range(7):
        make_run(number + 1, users=2)
        scenes.approved(make_field(make_record(f"Marta {number}")), by=rita())
    expected = [entry.pk for entry in audit_log.page(AuditFilter(), grouped=True).entries]

    seen: list[int] = []
    page = audit_log.page(AuditFilter(), size=4, grouped=True)
    while page.entries:
        seen += [entry.pk for entry in page.entries]
        page = audit_log.page(AuditFilter(), before=page.entries[-1].pk, size=4, grouped=True)

    assert seen == expected
    assert len(seen) == len(set(seen)) == 14


def test_groups_need_constant_queries():
    client = browser(ada())
    make_run(1)
    decided_together([make_field(make_record("Olivia"))], by=rita())
    with CaptureQueriesContext(connection) as few:
        open_page(client)
    for number in range(2, 12):
        make_run(number)
        decided_together([make_field(make_record(f"Marta {number}"))], by=rita())

    with CaptureQueriesContext(connection) as many:
        open_page(client)

    assert len(many) <= len(few) + 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL chooses an index by its statistics")
@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        (AuditFilter(), "audit_heads"),
        (AuditFilter(area="filter"), "audit_heads_of_area"),
        (AuditFilter(person=uuid.UUID(int=7)), "audit_heads_of_actor"),
        (AuditFilter(by_portal=True), "audit_heads_of_actor"),
    ],
)
def test_grouped_page_uses_index_of_head_entries(conditions: AuditFilter, index: str):
    make_run(users=300, failed=0)
    analyze(AuditEntry)

    steps = plan(audit_log.rows(conditions, grouped=True)[:51]).splitlines()

    assert f"USING INDEX {index} " in f"{steps[0]} "
    searched = [step for step in steps[1:] if "audit" in step]
    assert all("INDEX audit_of_group (group=? AND action=? AND at>?)" in step for step in searched), steps
    assert bool(searched) is not conditions.shows_steps_of_runs
