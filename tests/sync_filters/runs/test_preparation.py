"""Preparation of long runs by workers: every user is listed exactly once, whatever fails."""

from __future__ import annotations

import pytest

from portal.celery import app
from syncapp import tasks
from syncapp.jobs import queue
from syncapp.models import AuditEntry, FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser, RunPreparation
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import creation, preparation, transitions, undo
from tests.support.people import browser, fred
from tests.support.screen import text
from tests.sync_filters.company import small_company

OFF = creation.RunSpec(("appointment",), on=False, reason="Riva")


@pytest.fixture
def long(db, monkeypatch):
    """Make eight users a long list, with parts of three."""
    monkeypatch.setattr(preparation, "PART_SIZE", 3)
    return small_company()


@pytest.fixture
def tasks_run_at_once():
    """Run published tasks at once, in the publishing process."""
    app.conf.update(task_always_eager=True)
    yield
    app.conf.update(task_always_eager=False)


def request_run() -> FilterRun:
    users = FilterUser.objects.order_by("name_key").values_list("pk", flat=True)
    return creation.create_run(list(users), OFF, by=fred())


def prepared(run: FilterRun) -> FilterRun:
    preparation.work(run.pk)
    run.refresh_from_db()
    return run


def places(run: FilterRun) -> list[tuple[int, str]]:
    return list(run.items.order_by("position").values_list("position", "user__name"))


def list_one_part_and_die(run: FilterRun) -> None:
    """List one part in a worker that then dies; its lease expires."""
    held = queue.claim(RunPreparation, run.pk)
    preparation._list_part(held)
    RunPreparation.objects.update(lease_until="2026-01-01T00:00Z")


def mark_written(run: FilterRun) -> FilterRun:
    """Mark all users as switched, as workers do."""
    FilterRunItem.objects.filter(run=run).update(state="done", outcome=Outcome.DONE)
    FilterRunChange.objects.filter(item__run=run).update(written=True, etag_after="W/2")
    FilterRow.objects.update(state=1, status=2, etag="W/2")
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=run.frozen_at)
    run.refresh_from_db()
    return run


def test_long_list_is_prepared_after_dispatch(long, tasks_run_at_once):
    run = request_run()
    assert (run.state, run.users, run.items.count()) == (RunState.PREPARING, 8, 0)

    tasks.tick()

    run.refresh_from_db()
    assert (run.state, run.users) == (RunState.PLANNED, 8)
    assert places(run) == [(n, f"User {n}") for n in range(8)]
    assert AuditEntry.objects.filter(action="run.frozen").values_list("details__users", flat=True).get() == 8


def test_short_list_is_ready_at_once(long, monkeypatch):
    monkeypatch.setattr(preparation, "PART_SIZE", 8)

    assert request_run().state == RunState.PLANNED


def test_users_are_listed_once_despite_crash(long):
    run = request_run()
    list_one_part_and_die(run)
    assert run.items.count() == 3

    queue.sweep(RunPreparation)

    assert places(prepared(run)) == [(n, f"User {n}") for n in range(8)]
    assert FilterRunChange.objects.filter(item__run=run, wanted_state=1, found_state=0).count() == 8


def test_worker_with_lost_lease_lists_no_users(long):
    run = request_run()
    late = queue.claim(RunPreparation, run.pk)
    RunPreparation.objects.update(lease_until="2026-01-01T00:00Z")
    queue.sweep(RunPreparation)
    prepared(run)

    with pytest.raises(queue.LostLease):
        preparation._list_part(late)

    assert run.items.count() == 8


def test_time_limit_leaves_rest_for_next_dispatch(long):
    run = request_run()

    preparation.work(run.pk, seconds=0)

    assert (run.items.count(), preparation.progress(run).words) == (3, "3 of 8")
    assert RunPreparation.objects.all().due().get().attempts == 0


def test_canceled_preparation_lists_no_more_users(long):
    run = request_run()
    list_one_part_and_die(run)
    queue.sweep(RunPreparation)

    transitions.cancel(run, by=fred())

    assert prepared(run).state == RunState.CANCELLED
    assert list(run.items.values_list("outcome", flat=True)) == [Outcome.CANCELLED] * 3
    assert not AuditEntry.objects.filter(action="run.frozen").exists()


def test_failed_preparation_can_be_retried(long, settings):
    run = request_run()
    for _ in range(settings.ATTEMPTS):
        queue.claim(RunPreparation, run.pk)
        RunPreparation.objects.update(lease_until="2026-01-01T00:00Z")
        queue.sweep(RunPreparation)
        RunPreparation.objects.update(due_at="2026-01-01T00:00Z")
    prepared(run)

    page = text(browser(fred()).get(f"/filters/runs/{run.pk}/"))

    assert "The list could not be made" in page
    assert "Failed after 0 of 8" in page
    assert "every 2s" not in page
    browser(fred()).post(f"/filters/runs/{run.pk}/steer", {"do": "again"})
    assert prepared(run).state == RunState.PLANNED
    with pytest.raises(NotPossible):
        preparation.retry(run, by=fred())


def test_page_shows_progress_and_refreshes(long):
    run = request_run()
    list_one_part_and_die(run)

    page = text(browser(fred()).get(f"/filters/runs/{run.pk}/"))

    for words in ("Preparing the preview: 3 of 8", "requested", "Discard", "every 2s"):
        assert words in page
    assert "Export CSV" not in page


def test_run_with_unfinished_list_cannot_start(long):
    run = request_run()
    list_one_part_and_die(run)

    with pytest.raises(NotPossible, match="Preparing"):
        transitions.start(run, by=fred())

    assert not FilterRunItem.objects.all().due().exists()


def test_long_undo_starts_after_preparation(long):
    run = mark_written(prepared(request_run()))

    back = undo.undo(run, by=fred())

    assert (back.state, back.items.count(), undo.count_undoable(run)) == (RunState.PREPARING, 0, 0)
    with pytest.raises(NotPossible):
        undo.undo(run, by=fred())
    assert "Preparing the undo: 0 of 8" in text(browser(fred()).get(f"/filters/runs/{back.pk}/"))
    assert prepared(back).state == RunState.RUNNING
    changes = FilterRunChange.objects.filter(item__run=back)
    assert set(changes.values_list("found_state", "wanted_state", "wanted_status", "etag")) == {(1, 0, 1, "W/2")}
    assert back.items.all().due().count() == changes.count() == 8


def test_undo_skips_users_changed_before_preparation(long):
    run = mark_written(prepared(request_run()))
    back = undo.undo(run, by=fred())
    moved = FilterUser.objects.get(name="User 7")

    FilterRow.objects.filter(owner_id=moved.pk).update(etag="W/3")
    prepared(back)

    assert list(back.items.exclude(outcome="").values_list("user__name", "outcome")) == [("User 7", Outcome.CHANGED)]
    assert FilterRunChange.objects.filter(item__run=back).count() == 7
