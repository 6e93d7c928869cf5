"""A capture that observes, for the pages that show it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from syncapp.models import Capture, MirrorCursor
from tests.capture.switches import now, observe


@pytest.fixture
def audit_setting(settings: Settings) -> None:
    """Have the portal read the CRM's audit log."""
    settings.CAPTURE = "audit"


@pytest.fixture
def capture() -> Capture:
    """Return a capture that has observed for a week and has just read."""
    found = observe()
    MirrorCursor.objects.create(table="capture", pulled_at=now())
    return found
