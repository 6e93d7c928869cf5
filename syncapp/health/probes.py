"""Asking Redis and the database whether they answer, each within a limit that nothing can exceed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection
from redis.backoff import NoBackoff
from redis.retry import Retry

BROKER_SECONDS = 0.8
DATABASE_SECONDS = 3.0
REMEMBER_SECONDS = 5.0


class Probe:
    """A question to a server, asked in a thread of its own: no time limit of a client covers all that may hang.

    While one question hangs no second one is asked, so a silent server costs one thread per process.
    """

    def __init__(self, name: str, ask: Callable[[], bool], *, seconds: float) -> None:
        self._name, self._ask, self._seconds = name, ask, seconds
        self._hanging: threading.Thread | None = None
        self._last, self._asked_at = False, float("-inf")

    def answers(self) -> bool:
        """Ask now."""
        if self._hanging is not None and self._hanging.is_alive():
            return self._remember(is_well=False)
        said: list[bool] = []
        attempt = threading.Thread(target=lambda: said.append(self._ask()), name=self._name, daemon=True)
        attempt.start()
        attempt.join(self._seconds)
        self._hanging = attempt
        return self._remember(is_well=said == [True])

    def answered_lately(self) -> bool:
        """Return the last answer while it is fresh, so that pages do not wait for a silent server each."""
        return self._last if time.monotonic() - self._asked_at < REMEMBER_SECONDS else self.answers()

    def forget(self) -> None:
        """Ask anew in any case, as a process that has just started."""
        self._hanging, self._asked_at = None, float("-inf")

    def _remember(self, *, is_well: bool) -> bool:
        self._last, self._asked_at = is_well, time.monotonic()
        return is_well


def _ping() -> bool:
    half = BROKER_SECONDS / 2
    limits: dict[str, Any] = {"socket_timeout": half, "socket_connect_timeout": half}
    try:
        with redis.Redis.from_url(_redis_address(), retry=Retry(NoBackoff(), 0), **limits) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError, ValueError):
        return False


def _redis_address() -> str:
    # Celery and redis-py have different names for the same kind of address.
    return str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)


def _select() -> bool:
    """Return whether the database takes a new connection and answers on it."""
    # The connection of this thread's own, since those of Django belong to the threads that opened them.
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Error:
        return False
    finally:
        own.close()


BROKER = Probe("broker-ping", _ping, seconds=BROKER_SECONDS)
DATABASE = Probe("database-probe", _select, seconds=DATABASE_SECONDS)
