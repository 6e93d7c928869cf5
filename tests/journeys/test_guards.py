"""Each guard alone: the same story is correct with it, and loses or repeats a write without it.

The second half of each test removes the guard and expects the damage, which proves that the first half can fail.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.models import UniqueConstraint

from syncapp.crm.batch import Encoded
from syncapp.crm.transport import Transport
from syncapp.jobs import queue
from syncapp.models import Decision, Delivery, SyncField
from syncapp.models.jobs.job import HELD_STATES, JobQuerySet
from syncapp.review.delivery import conflicts
from tests.journeys.database import Database, fresh_database
from tests.journeys.slow import DyingWorker, SlowWorker
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker

    from dataverse_sandbox.server import SandboxServer

pytestmark = pytest.mark.journey

WITH_AND_WITHOUT_GUARD = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "guard removed"])
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def guards_database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """Create a database that threads can share, and whose constraints may be dropped."""
    folder = tmp_path_factory.mktemp("guards")
    with fresh_database(folder, django_db_blocker, name="guards") as database:
        yield database


@pytest.fixture
def world(
    guards_database: Database, sandbox: SandboxServer, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[World]:
    """Return a world with a fresh CRM and empty tables, without workers."""
    settings.UNDO_SECONDS = 0
    with django_db_blocker.unblock(), guards_database.used_here():
        world = World(sandbox.url)
        world.reset()
        yield world
        world.heal()
        call_command("flush", verbosity=0, interactive=False)


def the_delivery() -> Any:
    return Delivery.objects.get().pk


def deliver_all(world: World) -> None:
    """Run ticks and workers until all work is done."""
    for _ in range(4):
        world.forward()
        world.deliver()


def without_fence(patch: Patch) -> None:
    anybody = lambda rows, pk, _fence: rows.filter(pk=pk, state__in=HELD_STATES)  # noqa: E731  (a method in one line)
    patch.setattr(JobQuerySet, "held_by", anybody)


def without_sweep(patch: Patch) -> None:
    patch.setattr(queue, "sweep", lambda _model: 0)


def without_if_match(patch: Patch) -> None:
    send = Transport.write_batch

    def send_unconditionally(self: Transport, batch: Encoded, **how: Any) -> Any:
        body, count = re.subn(rb"If-Match: [^\r\n]+", b"If-Match: *", batch.body)
        assert count
        return send(self, replace(batch, body=body), **how)

    patch.setattr(Transport, "write_batch", send_unconditionally)


def without_decision_id(patch: Patch) -> None:
    def judge_by_value(decision: Decision, view: Any, columns: Any, *_own: Any) -> conflicts.Assessment:
        column = columns[decision.field.column_name]
        return conflicts._assess_value(decision, view, view.fields[decision.field_id], column)

    patch.setattr(conflicts, "_assess_decision", judge_by_value)


@pytest.fixture
def drop_constraint(world: World) -> Iterator[Callable[[type, str], None]]:
    """Return a function that drops a unique constraint until the end of the test."""
    dropped: list[tuple[Any, UniqueConstraint]] = []

    def drop(model: Any, name: str) -> None:
        constraint = next(each for each in model._meta.constraints if each.name == name)
        with connection.schema_editor() as editor:
            editor.remove_constraint(model, constraint)
        dropped.append((model, constraint))

    yield drop
    if dropped:
        call_command("flush", verbosity=0, interactive=False)
    for model, constraint in dropped:
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


@WITH_AND_WITHOUT_GUARD
def test_fencing_token_stops_late_worker(world: World, monkeypatch: Patch, guarded: bool):
    if not guarded:
        without_fence(monkeypatch)
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],))
    late = SlowWorker(the_delivery(), at="answered")
    world.forward()
    queue.sweep(Delivery)
    world.decide(approve=(fields["telephone1"],))
    world.forward()
    next_one = SlowWorker(the_delivery(), at="looked")
    late.finish()
    next_one.finish()
    deliver_all(world)
    assert world.written(world.contact(), "jobtitle") == ["Head"]
    assert world.written(world.contact(), "telephone1") == (["+47 1"] if guarded else [])


@WITH_AND_WITHOUT_GUARD
def test_sweep_frees_job_of_dead_worker(world: World, monkeypatch: Patch, guarded: bool):
    if not guarded:
        without_sweep(monkeypatch)
    world.decide(approve=(world.edited(jobtitle="Head")["jobtitle"],))
    DyingWorker(the_delivery())
    deliver_all(world)
    assert world.written(world.contact(), "jobtitle") == (["Head"] if guarded else [])


@WITH_AND_WITHOUT_GUARD
def test_if_match_keeps_concurrent_change(world: World, monkeypatch: Patch, guarded: bool):
    if not guarded:
        without_if_match(monkeypatch)
    world.decide(approve=(world.edited(jobtitle="Head")["jobtitle"],))
    worker = SlowWorker(the_delivery(), at="sending")
    world.form(world.contact(), jobtitle="By form")
    worker.finish()
    deliver_all(world)
    assert world.value(world.contact(), "jobtitle") == ("By form" if guarded else "Head")


@WITH_AND_WITHOUT_GUARD
def test_decision_id_prevents_second_write(world: World, monkeypatch: Patch, guarded: bool):
    if not guarded:
        without_decision_id(monkeypatch)
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.faults({"method": "PATCH", "table": "contact", "cut": "after_commit", "times": 1})
    world.deliver()
    world.form(world.contact(), jobtitle=field.original_value)
    deliver_all(world)
    assert world.written(world.contact(), "jobtitle") == (["Head"] if guarded else ["Head", "Head"])


@WITH_AND_WITHOUT_GUARD
def test_open_delivery_constraint_ensures_edit_is_closed(
    world: World, drop_constraint: Callable[[type, str], None], guarded: bool
):
    if not guarded:
        drop_constraint(Delivery, "one_open_delivery_per_contact")
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(reject=(fields["jobtitle"],))
    workers = [SlowWorker(the_delivery(), at="looked")]
    world.decide(reject=(fields["telephone1"],))
    others = Delivery.objects.filter(fencing_token=0)
    workers += [SlowWorker(other.pk, at="looked") for other in others]
    for worker in workers:
        worker.finish()
    deliver_all(world)
    assert len(world.ledger("osync_syncfield")) == 2
    assert len(world.ledger("osync_syncrecord")) == (1 if guarded else 0)


@WITH_AND_WITHOUT_GUARD
def test_live_decision_constraint_prevents_second_mark(
    world: World, drop_constraint: Callable[[type, str], None], guarded: bool
):
    if not guarded:
        drop_constraint(Decision, "one_live_decision_per_field")
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    assert is_decided_again(field) is not guarded
    world.deliver()
    deliver_all(world)
    assert len(world.ledger("osync_syncfield")) == (1 if guarded else 2)


def is_decided_again(field: SyncField) -> bool:
    """Store the same decision again, bypassing all checks; return whether the database accepts it."""
    again = Decision.objects.get(field=field)
    again.pk, again.version, again._state.adding = uuid.uuid4(), 2, True
    again.due_at += timedelta(hours=1)
    try:
        again.save(force_insert=True)
    except IntegrityError:
        return False
    return True
