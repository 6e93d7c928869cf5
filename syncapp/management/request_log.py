"""Suppression of request logs, which would bury a command's report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("syncapp.crm.transport")


@contextmanager
def without_request_logs(verbosity: int) -> Iterator[None]:
    """Suppress the logs of successful requests to the CRM, unless the command runs with `--verbosity 2`."""
    previous_level = _LOGGER.level
    if verbosity < 2:
        _LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        _LOGGER.setLevel(previous_level)
