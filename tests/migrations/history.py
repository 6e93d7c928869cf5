"""Moves a database to any point of the migrations' history."""

from __future__ import annotations

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps


def names() -> list[str]:
    """Return the names of our migrations, in their order."""
    return sorted(name for app, name in _loader().disk_migrations if app == "syncapp")


def migrations() -> dict[str, Migration]:
    """Return our migrations by name, in their order."""
    found = _loader().disk_migrations
    return {name: found["syncapp", name] for name in names()}


def newest() -> str:
    """Return the name of the last migration."""
    return names()[-1]


def migrate(name: str) -> None:
    """Bring the database to this migration, forward or back."""
    MigrationExecutor(connection).migrate([("syncapp", name)])


def apps_at(name: str) -> StateApps:
    """Return the models as they were after this migration."""
    return _loader().project_state(("syncapp", name)).apps


def _loader() -> MigrationLoader:
    return MigrationLoader(None)
