"""Values that the CRM changes when they are written."""

from __future__ import annotations

import pytest

from syncapp.models import AuditEntry, SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review import follow_ups
from tests.support.people import browser, rita
from tests.support.screen import opened
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDED = [
    ("creditlimit", 2000, "1234.5678", 1234.57, "1234.57"),
    ("osync_discount", 5, "12.34567", 12.346, "12.346"),
    (
        "lastonholdtime",
        "2026-11-02T09:30:00Z",
        "2026-11-03T09:30:15.75Z",
        "2026-11-03T09:30:15Z",
        "2026-11-03T09:30:15Z",
    ),
]


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


def approved(world: World, column: str, first: object, staged: str) -> SyncField:
    """Return an approved and delivered field whose value the CRM changes when it stores it."""
    field = world.stage_unrounded(world.edited(**{column: first})[column], staged)
    world.decide(approve=(field,))
    world.deliver()
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.DONE)
    return field


@pytest.mark.parametrize(("column", "first", "staged", "held", "canonical"), ROUNDED)
def test_rounded_value_is_recorded_as_written(world: World, column, first, staged, held, canonical):
    field = approved(world, column, first, staged)

    decision = field.decisions.get()
    assert world.value(world.contact(), column) == held
    assert (decision.value_to_write, decision.written_value, decision.is_adjusted) == (staged, canonical, True)
    assert field.crm_now_value == canonical
    assert world.staged(field)["osync_appliedvalue"] == canonical
    entry = AuditEntry.objects.select_related("value").get(action="field.delivery.written")
    assert (entry.value.after, entry.details["adjusted"]) == (canonical, True)
    assert world.written(world.contact(), column) == [held], "written once"


def test_page_shows_written_value(world: World):
    field = approved(world, *ROUNDED[1][:3])

    assert "Written as 12.346" in opened(browser(rita()), field.record).words


def test_unchanged_value_needs_no_extra_request(world: World, caplog: pytest.LogCaptureFixture):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.pull()
    caplog.set_level("INFO", logger="syncapp.crm.transport")
    caplog.clear()

    world.deliver()

    decision = field.decisions.get()
    assert (decision.is_adjusted, decision.written_value) == (False, None)
    assert sum("POST $batch" in record.getMessage() for record in caplog.records) == 2, "one reads, one writes"


def test_putting_back_rounded_value_causes_no_conflict(world: World):
    field = approved(world, *ROUNDED[0][:3])
    original = field.original_value

    follow_ups.put_back(field.pk, by=rita(), reason="Wrong amount")
    world.deliver()

    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.DONE)
    assert world.value(world.contact(), "creditlimit") == (float(original) if original else None)


def test_rounding_is_recorded_after_a_lost_answer(world: World):
    field = world.stage_unrounded(world.edited(creditlimit=2000)["creditlimit"], "1234.5678")
    world.decide(approve=(field,))
    world.faults({"method": "PATCH", "table": "contact", "cut": "after_commit", "times": 1})
    world.deliver()
    world.forward(61)
    world.deliver()

    decision = field.decisions.get()
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.DONE)
    assert (decision.written_value, decision.is_adjusted) == ("1234.57", True)
    assert world.staged(field)["osync_appliedvalue"] == "1234.57"
    assert len(world.written(world.contact(), "creditlimit")) == 1
