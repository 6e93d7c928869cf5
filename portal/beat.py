"""Celery's beat, which publishes a round of a periodic task only where none is under way (syncapp/jobs/periodic.py).

Pauses are measured by the monotonic clock and rounds by the database's, so it does not matter what time beat's host
has, nor how many beats run. While Redis is away beat reads the CRM itself: new edits go on arriving. It outlives a
database that is away.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Any

from celery import beat
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connections
from kombu.exceptions import OperationalError

from syncapp import tasks
from syncapp.health import clocks, heartbeats
from syncapp.jobs import periodic

log = logging.getLogger(__name__)

BROKER_AWAY_FOR = 2.0  # seconds in which a broker that did not answer is not asked again; silence may cost 10 a time
STOP_SECONDS = 3.0  # for a reading that is under way


class Scheduler(beat.Scheduler):
    """Publishes each periodic task after its interval. Keeps no file: the rows know when each was published."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._due: dict[str, float] = {}
        self._broker_away_until = 0.0
        self._troubles: set[str] = set()
        self._reading: threading.Thread | None = None
        super().__init__(*arguments, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Publish what is due; return the seconds until something may be due again."""
        heartbeats.record_beat()
        for name, entry in self.schedule.items():
            interval: Any = entry.schedule  # all of ours are intervals (portal/settings.py)
            every = interval.run_every.total_seconds()
            if self._due.setdefault(name, time.monotonic() + every) <= time.monotonic():
                self._due[name] = time.monotonic() + (every if self._take_turn(name, every) else every / 4)
        return float(max(0.01, min(self._due.values()) - time.monotonic()))

    def _take_turn(self, name: str, every: float) -> bool:
        """Publish one round; False where it is not its turn yet, or nothing can be said without the database."""
        try:
            close_old_connections()
            clocks.measure(clocks.BEAT)
            number = periodic.claim(
                name, every=every, stalled_after=tasks.periodic_tasks[name].stalled_after, is_waiting=self._is_waiting
            )
            self._over("database", "The database answers again.")
            if number is None:
                return False
            if not self._publish(name, number):
                self._do_without_broker(name, number)
        except DatabaseTrouble as error:
            self._note("database", f"The database does not answer, nothing is published: {type(error).__name__}")
            return False
        except Exception:  # one task must not end beat, and all others with it
            log.exception("periodic task %s could not be published", name)
        return True

    def _is_waiting(self) -> bool:
        """Return whether the broker still holds messages of periodic tasks."""
        count = tasks.waiting_messages(settings.PERIODIC_QUEUE) if self._may_ask_broker() else None
        if count is None:
            return False
        heartbeats.record_published()  # it answers, although there was nothing to publish
        return count > 0

    def _may_ask_broker(self) -> bool:
        return time.monotonic() >= self._broker_away_until

    def _publish(self, name: str, number: int) -> bool:
        if not self._may_ask_broker():
            return False
        try:
            tasks.periodic_tasks[name].task.apply_async(args=[number], retry=False)
        except (OSError, OperationalError) as error:
            self._broker_away_until = time.monotonic() + BROKER_AWAY_FOR
            self._note("broker", f"Redis does not answer, beat reads the CRM itself: {type(error).__name__}")
            return False
        heartbeats.record_published()
        self._over("broker", "Redis answers again.")
        return True

    def _do_without_broker(self, name: str, number: int) -> None:
        """Read the CRM beside beat's own loop; end any other round, so that the next one comes after its interval."""
        is_reading = self._reading is not None and self._reading.is_alive()
        if name != "pull" or is_reading:
            periodic.finish(name, number)
            return
        self._reading = threading.Thread(target=_read, args=[number], name="reading", daemon=True)
        self._reading.start()

    def _note(self, trouble: str, text: str) -> None:
        if trouble not in self._troubles:
            log.warning(text)
        self._troubles.add(trouble)

    def _over(self, trouble: str, text: str) -> None:
        if trouble in self._troubles:
            log.warning(text)
        self._troubles.discard(trouble)

    def close(self) -> None:
        """Let a reading end, so that its lease does not hold up the next one."""
        if self._reading is not None:
            self._reading.join(STOP_SECONDS)
        super().close()


def _read(number: int) -> None:
    try:
        with suppress(DatabaseTrouble):
            tasks.pull(number)
    except Exception:
        log.exception("reading without Redis")
    finally:
        connections.close_all()
