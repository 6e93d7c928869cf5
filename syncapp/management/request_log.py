"""Suppression of request logs, which would bury a command's report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_REQUESTS = logging.getLogger("syncapp.crm.transport")


@contextmanager
def without_requests(verbosity: int) -> Iterator[None]:
    """Suppress the logs of successful requests to the CRM, unless the command runs with `--verbosity 2`."""
    before = _REQUESTS.level
    if verbosity < 2:
        _REQUESTS.setLevel(logging.WARNING)
    try:
        yield
    finally:
        _REQUESTS.setLevel(before)
