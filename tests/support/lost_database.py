"""An unreachable database for this process, without affecting the one of the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections


@contextmanager
def database_is_away(folder: Path) -> Iterator[None]:
    """Point this process's connection to an address without a database."""
    others, before = connections.settings["default"], connections["default"]
    away = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "nowhere" / "x.sqlite3"), "OPTIONS": {}}
    if connection.vendor == "postgresql":
        away = {"ENGINE": others["ENGINE"], "HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}}
    connections.settings["default"] = {**others, **away}
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = others
        connections["default"] = before
