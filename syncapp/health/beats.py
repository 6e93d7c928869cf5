"""Signs of life from the scheduler's own process (portal/beat.py). They never stop the scheduler."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import Error, close_old_connections, connection

from syncapp.health import pulses

log = logging.getLogger(__name__)

NOTED_EVERY = 5.0  # seconds: the schedule is gone through each second


class _Note:
    """Writes one pulse, at most every NOTED_EVERY seconds."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._next = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + NOTED_EVERY
        close_old_connections()
        try:
            self._write()
        except Error as error:
            connection.close()
            log.warning("the scheduler’s pulse could not be kept: %s", type(error).__name__)


schedule_goes_on = _Note(pulses.note_beat)
message_was_taken = _Note(pulses.note_published)
