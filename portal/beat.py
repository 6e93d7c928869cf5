"""The Celery beat scheduler, which publishes a round of a periodic task only if none is in progress (`jobs.periodic`).

Intervals use the monotonic clock, and rounds use the database's clock, so neither a wrong clock on the host nor a
second scheduler does harm. While Redis is down, the scheduler reads the CRM itself, so that edits still arrive. It
survives outages of the database.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Any

from celery import beat
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from kombu.exceptions import OperationalError

from syncapp import tasks
from syncapp.health import clocks, heartbeats
from syncapp.jobs import periodic

log = logging.getLogger(__name__)

BROKER_AWAY_FOR = 2.0  # seconds before trying a silent broker again, because an attempt may take 10
STOP_SECONDS = 3.0  # how long to wait for a running pull at shutdown
_DATABASE_ANSWERS = "The database answers again."


class Scheduler(beat.Scheduler):
    """A scheduler that publishes each periodic task at its interval. It keeps no file: rows store the rounds."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._due: dict[str, float] = {}
        self._broker_away_until = 0.0
        self._outages: set[str] = set()
        self._pull: threading.Thread | None = None
        super().__init__(*arguments, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Publish due tasks; return the seconds until the next one may be due."""
        heartbeats.record_beat()
        for name, entry in self.schedule.items():
            interval: Any = entry.schedule  # all schedules are intervals (portal/settings.py)
            every = interval.run_every.total_seconds()
            if self._due.setdefault(name, time.monotonic() + every) <= time.monotonic():
                self._due[name] = time.monotonic() + (every if self._publish_round(name, every) else every / 4)
        return float(max(0.01, min(self._due.values()) - time.monotonic()))

    def _publish_round(self, name: str, every: float) -> bool:
        """Publish one round if the task is due; return False to retry before its interval has passed."""
        try:
            close_old_connections()
            clocks.measure(clocks.BEAT)
            if not tasks.periodic_tasks[name].is_due():
                self._end_outage("database", _DATABASE_ANSWERS)
                return True
            number = periodic.claim(
                name, every=every, stalled_after=tasks.periodic_tasks[name].stalled_after, is_waiting=self._is_waiting
            )
            self._end_outage("database", _DATABASE_ANSWERS)
            if number is None:
                return False
            if not self._publish(name, number):
                if name == "pull" and (self._pull is None or not self._pull.is_alive()):
                    self._pull = threading.Thread(target=_pull, args=[number], name="pull", daemon=True)
                    self._pull.start()
                else:
                    periodic.finish(name, number)  # otherwise the next round waits until this one counts as lost
        except DatabaseError as error:
            self._begin_outage(
                "database", f"The database does not answer, so nothing is published: {type(error).__name__}"
            )
            return False
        except Exception:  # an error in one task must not stop the scheduler and all other tasks
            log.exception("periodic task %s could not be published", name)
        return True

    def _is_waiting(self) -> bool:
        """Return whether the broker still holds messages of periodic tasks."""
        count = tasks.count_waiting_messages(settings.PERIODIC_QUEUE) if self._may_ask_broker() else None
        if count is None:
            return False
        heartbeats.record_published()  # the broker answers, although nothing was published
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
            self._begin_outage("broker", f"Redis does not answer, so beat reads the CRM: {type(error).__name__}")
            return False
        heartbeats.record_published()
        self._end_outage("broker", "Redis answers again.")
        return True

    def _begin_outage(self, name: str, text: str) -> None:
        if name not in self._outages:
            log.warning(text)
        self._outages.add(name)

    def _end_outage(self, name: str, text: str) -> None:
        if name in self._outages:
            log.warning(text)
        self._outages.discard(name)

    def close(self) -> None:
        """Wait for a running pull, because its lease would delay the next one."""
        if self._pull is not None:
            self._pull.join(STOP_SECONDS)
        super().close()


def _pull(number: int) -> None:
    try:
        with suppress(DatabaseError):
            tasks.pull(number)
    except Exception:
        log.exception("pull without Redis failed")
    finally:
        connections.close_all()
