"""End-to-end tests with real processes."""

from __future__ import annotations

import pytest

# It judges by assertions, which are to say what they compared.
pytest.register_assert_rewrite("tests.journeys.story")
