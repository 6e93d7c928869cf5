"""Migration of a database to any point of its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import connection
from django.db.migrations import AddField, CreateModel, Migration, SeparateDatabaseAndState
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps


def names() -> list[str]:
    """Return the names of our migrations, in order."""
    return sorted(name for app, name in _loader().disk_migrations if app == "syncapp")


def migrations() -> dict[str, Migration]:
    """Return our migrations by name, in order."""
    found = _loader().disk_migrations
    return {name: found["syncapp", name] for name in names()}


def newest() -> str:
    """Return the name of the last migration."""
    return names()[-1]


def migrate(name: str) -> None:
    """Migrate the database to this migration, forward or back."""
    MigrationExecutor(connection).migrate([("syncapp", name)])


def apps_at(name: str) -> StateApps:
    """Return the models as they were after this migration."""
    return _loader().project_state(("syncapp", name)).apps


def columns_without_default(migration: Migration) -> Iterator[tuple[str, str]]:
    """Yield new columns that an earlier release cannot omit in its inserts."""
    operations = list(_flat(migration.operations))
    new = {operation.name_lower for operation in operations if isinstance(operation, CreateModel)}
    for operation in operations:
        if isinstance(operation, AddField) and operation.model_name_lower not in new:
            field = operation.field
            if not field.null and not field.has_db_default():
                yield operation.model_name, operation.name


def _flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _loader() -> MigrationLoader:
    return MigrationLoader(None)
