"""Fixtures: a sandbox CRM with filters, and an inventory of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.models import FilterRow
from tests.sync_filters.scenery import Scenery


@pytest.fixture
def scenery(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[Scenery]:
    """Provide twenty users with their filters; switching is enabled."""
    settings.CRM_ENABLE_WRITES = True
    story = Scenery(sandbox.url)
    story.reset()
    yield story
    story.heal()


@pytest.fixture
def read(scenery: Scenery) -> Scenery:
    """Provide the same with a complete inventory; the first one taken is reused by all tests."""
    if _read:
        _restore_rows(scenery)
    else:
        scenery.read()
        models = apps.get_app_config("syncapp").get_models(include_auto_created=True)
        _read.extend((model, list(model._default_manager.all())) for model in models)
    return scenery


# The rows of each of our tables, after an inventory of the twenty users.
_read: list[tuple[type[Model], list[Any]]] = []


def _restore_rows(scenery: Scenery) -> None:
    """Insert the stored rows, and advance their version numbers as far as the CRM's."""
    known = next(row for _, rows in _read for row in rows if isinstance(row, FilterRow))
    gone_on = scenery.version("userqueries", known.pk) - known.version
    for model, rows in _read:
        for row in (each for each in rows if isinstance(each, FilterRow)):
            row.version += gone_on
            row.etag = f'W/"{row.version}"'
        model._default_manager.bulk_create(rows)
