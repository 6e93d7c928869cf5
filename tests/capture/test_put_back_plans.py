"""A plan that puts values back: what it covers, when it starts, and how people stop, retry and discard it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from syncapp.capture.put_back import planning, transitions
from syncapp.capture.put_back.errors import NotPossible
from syncapp.capture.put_back.planning import Range
from syncapp.jobs import breakers
from syncapp.models import Connection, PutBackItem, PutBackPlan, SyncRecord
from syncapp.models.capture.entry import Source
from syncapp.models.capture.put_back import PutBackState
from tests.capture.put_back_scene import DONE, Restored, planned, results, started, work
from tests.support.people import ada
from tests.support.world import World

pytestmark = pytest.mark.django_db


def test_preview_writes_nothing(restored: Restored) -> None:
    plan = planned()

    assert restored.world.ledger() == []
    item = PutBackItem.objects.get(plan=plan)
    assert (item.result, item.live_value, item.restore.value_found) == ("open", "Buyer", "Pilot")
    assert work() == 0


def test_range_source_and_column_narrow_the_plan(world: World) -> None:
    Restored(world, jobtitle="Pilot", department="Flight")
    now = timezone.now()

    assert results(planned(column="department")) == [("department", "open", "")]
    with pytest.raises(NotPossible, match="Nothing was restored"):
        planned(source=Source.UNKNOWN)
    with pytest.raises(NotPossible, match="Nothing was restored"):
        planning.create_plan(Range(now, now + timedelta(hours=1)), by=ada())
    with pytest.raises(NotPossible, match="after the beginning"):
        planning.create_plan(Range(now, now), by=ada())


def test_failed_item_is_retried(restored: Restored) -> None:
    plan = started()
    restored.world.take_away("prvWriteContact")
    try:
        work()
    finally:
        restored.world.take_away()
    assert results(plan) == [("jobtitle", "failed", "")]
    assert SyncRecord.objects.get(pk=restored.field.record_id).is_restored

    transitions.retry(plan.pk, by=ada())
    work()

    assert (restored.written(), results(plan)) == (["Pilot"], [DONE])
    with pytest.raises(NotPossible, match="nothing to retry"):
        transitions.retry(plan.pk, by=ada())


def test_second_plan_has_nothing_to_put_back(restored: Restored) -> None:
    started()
    work()

    assert results(planned()) == [("jobtitle", "left", "put_back")]
    assert restored.written() == ["Pilot"]


def test_plan_starts_once_and_excludes_other_plans(world: World) -> None:
    Restored(world)
    Restored(world)
    first, second = planned(), planned()
    transitions.start(first.pk, by=ada())

    for plan, message in ((first, "Reload"), (second, "Another plan")):
        with pytest.raises(NotPossible, match=message):
            transitions.start(plan.pk, by=ada())
    with pytest.raises(IntegrityError):
        PutBackPlan.objects.filter(pk=second.pk).update(state=PutBackState.RUNNING)


def test_plan_cannot_start_on_read_only_connection(restored: Restored) -> None:
    plan = planned()
    Connection.objects.update(review_writes=False)

    with pytest.raises(NotPossible, match="read-only"):
        transitions.start(plan.pk, by=ada())

    Connection.objects.update(review_writes=True)
    transitions.start(plan.pk, by=ada())


def test_stopped_plan_changes_no_further_contacts(restored: Restored) -> None:
    plan = started()
    transitions.stop(plan.pk, by=ada())

    work()

    assert (restored.written(), results(plan)) == ([], [("jobtitle", "left", "stopped")])
    transitions.retry(plan.pk, by=ada())
    work()
    assert (restored.written(), results(plan)) == (["Pilot"], [DONE])


def test_stopped_writes_delay_putting_back(restored: Restored) -> None:
    started()
    breakers.stop_writes(reason="Upgrade", by=ada())
    assert work() == 0

    breakers.resume_writes(by=ada())

    assert work() == 1
    assert restored.written() == ["Pilot"]


def test_discarded_plan_cannot_start(restored: Restored) -> None:
    plan = planned()
    transitions.discard(plan.pk, by=ada())

    with pytest.raises(NotPossible):
        transitions.start(plan.pk, by=ada())
