"""A CRM full of filters over real HTTP, and the portal's operations called by hand."""

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
    """Twenty users with their filters; switching is enabled."""
    settings.CRM_ENABLE_WRITES = True
    story = Scenery(sandbox.url)
    story.reset()
    yield story
    story.heal()


@pytest.fixture
def read(scenery: Scenery) -> Scenery:
    """The same, with its inventory taken; what the first test read serves all that begin alike."""
    if _read:
        _put_back(scenery)
    else:
        scenery.read()
        models = apps.get_app_config("syncapp").get_models(include_auto_created=True)
        _read.extend((model, list(model._default_manager.all())) for model in models)
    return scenery


# The rows of each table of ours, after an inventory of the twenty users.
_read: list[tuple[type[Model], list[Any]]] = []


def _put_back(scenery: Scenery) -> None:
    """Insert what was read. The CRM's versions have gone on by the same number in all of its rows."""
    known = next(row for _, rows in _read for row in rows if isinstance(row, FilterRow))
    gone_on = scenery.version("userqueries", known.pk) - known.version
    for model, rows in _read:
        for row in (each for each in rows if isinstance(each, FilterRow)):
            row.version += gone_on
            row.etag = f'W/"{row.version}"'
        model._default_manager.bulk_create(rows)
