"""Every migration applied to and reverted on a database with rows of every kind."""

from __future__ import annotations

import itertools

import pytest

from tests.migrations import history
from tests.migrations.rows import Snapshot, fill, recognized_decisions, snapshot, without_decisions

pytestmark = pytest.mark.long


def test_each_step_forward_keeps_every_row(database: None) -> None:
    first, *later = history.names()
    history.migrate(first)
    before = _filled(first)
    for name in later:
        history.migrate(name)
        assert _missing(before, name) == {}, name
        before = _filled(name)


def test_each_step_back_keeps_every_row(database: None) -> None:
    *earlier, newest = history.names()
    history.migrate(newest)
    apps = history.apps_at(newest)
    fill(apps)
    removed = recognized_decisions(apps)
    before = without_decisions(snapshot(apps), removed)
    for name in reversed(earlier):
        history.migrate(name)
        assert _missing(before, name) == {}, name
        before = without_decisions(snapshot(history.apps_at(name)), removed)
    history.migrate(newest)


def test_earlier_releases_insert_after_migrations(database: None) -> None:
    history.migrate(history.newest())
    for before, name in itertools.pairwise(history.names()):
        if list(history.columns_without_default(history.migrations()[name])):
            fill(history.apps_at(before))


def _filled(name: str) -> Snapshot:
    apps = history.apps_at(name)
    fill(apps, only_empty=True)
    return snapshot(apps)


def _missing(before: Snapshot, name: str) -> dict[str, int]:
    """Return the number of deleted rows by model."""
    after = snapshot(history.apps_at(name))
    gone = {model: len(rows.keys() - after[model].keys()) for model, rows in before.items() if model in after}
    return {model: number for model, number in gone.items() if number}
