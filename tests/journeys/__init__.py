"""End-to-end tests with real processes."""

from __future__ import annotations

import pytest

# This module's assertions must show the values they compared.
pytest.register_assert_rewrite("tests.journeys.story")
