"""An empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncapp.checks import installation
from tests.journeys.database import empty_database

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(autouse=True)
def real_migrations(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo --nomigrations for this test."""
    settings.MIGRATION_MODULES = {}
    monkeypatch.setitem(installation._state, "has_all", False)


@pytest.fixture
def database(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Use an empty database for models and migrations, of the kind under test."""
    with empty_database(tmp_path, name="migrations") as made, django_db_blocker.unblock(), made.used_here():
        yield
