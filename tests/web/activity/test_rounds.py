"""A rule's rounds and plans that put values back, on the activity page: one row each, which opens."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from pytest_django import Settings

from syncapp import audit
from syncapp.audit import Fact
from syncapp.models import AuditEntry, Decision, PutBackPlan, Rule, SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.review.rules import editing, runs
from syncapp.review.rules.editing import RuleDraft
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.failing_statements import failing
from tests.support.people import ada, browser, rita, vera
from tests.support.screen import Screen
from tests.support.world import World
from tests.web.activity.test_groups import open_page, table, toggles

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def enabled(name: str = "Format only", kind: ChangeKind = ChangeKind.FORMAT) -> Rule:
    rule = editing.create(RuleDraft(name, "approve", kinds=(kind,)), by=ada())
    editing.simulate(rule.pk, by=ada())
    return editing.enable(rule.pk, by=ada())


def rule_of_job_titles() -> None:
    rule = editing.create(RuleDraft("Titles", "approve", columns=("jobtitle",)), by=ada())
    editing.simulate(rule.pk, by=ada())
    editing.enable(rule.pk, by=ada())


def edits(*names: str, kind: ChangeKind = ChangeKind.FORMAT) -> list[SyncField]:
    return [make_field(make_record(name), change_kind=kind) for name in names]


def opened(client: Client) -> Screen:
    (toggle,) = toggles(open_page(client, "?area=decision"))
    return Screen(client.get(toggle["href"]))


def test_round_of_a_rule_is_one_row():
    enabled()
    edits("Marta", "Olivia", "Petra")
    runs.run()

    words = table(open_page(query="?area=decision"))

    assert "Approved 3 fields rule “Format only”" in words
    assert words.count("Approved") == 1
    assert "Petra" not in words


def test_each_rule_and_round_has_its_row():
    enabled()
    enabled("Cleared", ChangeKind.CLEARED)
    edits("Marta", "Olivia")
    edits("Petra", "Paula", kind=ChangeKind.CLEARED)
    runs.run()
    edits("Otto", "Oskar", "Olga")
    runs.run()

    words = table(open_page(query="?area=decision"))

    assert words.count("Approved 2 fields") == 2
    assert words.count("Approved 3 fields") == 1


def test_opened_round_lists_its_decisions():
    enabled()
    edits("Marta", "Olivia")
    runs.run()
    scenes.finished(Decision.objects.latest("decided_at"))

    words = opened(browser(vera())).words

    assert "1 written" in words
    assert "1 to be written" in words
    assert "Olivia Approved Job Title: Buyer → becomes Head of Procurement" in words
    assert "Marta Approved" in words


def test_single_rule_decision_is_not_grouped():
    enabled()
    edits("Marta")
    runs.run()
    scenes.finished(Decision.objects.get())

    screen = open_page(query="?area=decision")

    assert "Approved Marta Job Title: Buyer → becomes Head of Procurement · written" in screen.words
    assert toggles(screen) == []


def test_failed_decision_does_not_hide_rest_of_round():
    enabled()
    fields = edits("Marta", "Olivia", "Petra")

    with failing("INSERT INTO", Decision, min(field.pk for field in fields)):
        runs.run()

    assert "Approved 2 fields" in table(open_page(query="?area=decision"))


def test_written_decision_of_a_rule_has_one_row(world: World, settings: Settings):
    settings.UNDO_SECONDS = 0
    rule_of_job_titles()
    world.edited(jobtitle="Head")
    runs.run()

    world.deliver()

    assert AuditEntry.objects.filter(action="field.delivery.written").exists()
    assert "Written" not in table(open_page())
    assert "Approved" in table(open_page())
    assert "Written" in table(open_page(query="?area=delivery"))


def test_conflict_of_rule_decision_has_its_own_row(world: World, settings: Settings):
    settings.UNDO_SECONDS = 0
    rule_of_job_titles()
    field = world.edited(jobtitle="Head")["jobtitle"]
    runs.run()
    world.form(field.record.target_id, jobtitle="Chief")

    world.deliver()

    assert "Conflict" in table(open_page())


def put_back_plan(*, has_ended: bool = True) -> PutBackPlan:
    """Return a plan that put two fields back and left one alone, with its entries as operations write them."""
    plan = PutBackPlan.objects.create(
        begins_at="2026-11-01T00:00Z", ends_at="2026-11-02T00:00Z", created_by=ada(), started_by=ada(), state="done"
    )
    steps = {"capture.put_back_planned": {"fields": 3}, "capture.put_back_started": {"contacts": 3}}
    for action, details in steps.items():
        audit.record(action, by=ada(), channel="settings", group=plan.pk, details=details)
    facts = [
        Fact(
            "field.restore.put_back", by=ada(), channel="worker", group=plan.pk, is_part=True,
            record_id=field.record_id, field_id=field.pk, column=field.column_name, before="Buyer", after="Pilot",
        )
        for field in edits("Marta", "Olivia")
    ]  # fmt: skip
    audit.record_all(facts)
    if has_ended:
        ended = {"done": 2, "left": 1}
        audit.record("capture.put_back_ended", by=None, channel="worker", group=plan.pk, details=ended)
    return plan


def test_put_back_plan_is_one_row_that_opens():
    plan = put_back_plan()
    client = browser(ada())

    closed, words = open_page(client), opened(client).words

    assert "Ada Putting back ended Putting back 2 put back, 1 left alone" in closed.words
    assert table(closed).count("Putting back") == 2
    assert "Marta" not in table(closed)
    assert "Ada Putting back planned 3 fields" in words
    assert "Marta Restored value put back Job Title: Buyer → becomes Pilot" in words
    assert f"/settings/capture/put-back/{plan.pk}/" in closed.html


def test_running_plan_shows_its_newest_step():
    put_back_plan(has_ended=False)

    words = table(open_page(browser(ada())))

    assert "Putting back started" in words
    assert "Putting back planned" not in words


def test_migration_moves_plan_entries_to_decision_area():
    put_back_plan()
    audit.record("settings.changed", by=rita(), channel="settings", details={"setting": "backlog"})
    AuditEntry.objects.update(area="setting")

    import_module("syncapp.migrations.0086_put_back_area").fill(apps, None)

    assert AuditEntry.objects.get(area="setting", action="settings.changed")
    assert AuditEntry.objects.filter(area="decision", action__startswith="capture.put_back_").count() == 3
