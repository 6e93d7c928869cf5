"""A migration killed between two of its transactions is completed by running it again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations import RunPython
from django.db.migrations.executor import MigrationExecutor

from tests.migrations import history
from tests.migrations.rows import fill, snapshot

pytestmark = pytest.mark.long
IN_SEVERAL_TRANSACTIONS = [name for name, migration in history.migrations().items() if not migration.atomic]


class _Killed(Exception):
    """Raised where a killed process would end the migration."""


@pytest.mark.parametrize("name", IN_SEVERAL_TRANSACTIONS)
def test_interrupted_migration_can_be_repeated(database: None, name: str) -> None:
    before = history.names()[history.names().index(name) - 1]
    history.migrate(before)
    fill(history.apps_at(before))
    parts = len(history.migrations()[name].operations)
    rows = _keys(before)
    for part in range(1, parts + 1):
        _interrupted(name, part, to=name)
        history.migrate(name)
        assert _are_kept(rows, before)
        fill(history.apps_at(name), only_empty=True)
        _interrupted(name, parts - part, to=before)
        history.migrate(before)
        assert _are_kept(rows, before)


def _interrupted(name: str, part: int, *, to: str) -> None:
    executor = MigrationExecutor(connection)
    executor.loader.get_migration("syncapp", name).operations.insert(part, RunPython(_die, _die))
    with pytest.raises(_Killed):
        executor.migrate([("syncapp", to)])


def _die(apps: object, schema_editor: object) -> None:
    raise _Killed


def _are_kept(rows: dict[str, set[object]], name: str) -> bool:
    now = _keys(name)
    return all(keys <= now[model] for model, keys in rows.items())


def _keys(name: str) -> dict[str, set[object]]:
    return {model: set(rows) for model, rows in snapshot(history.apps_at(name)).items()}
