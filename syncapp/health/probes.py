"""Probes of Redis and the database with strict time limits."""

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
    """A check of a server in its own thread, because a client's timeouts do not cover everything that may hang.

    While one check hangs, no second one starts, so a silent server costs one thread per process.
    """

    def __init__(self, name: str, check: Callable[[], bool], *, seconds: float) -> None:
        self._name, self._check, self._seconds = name, check, seconds
        self._thread: threading.Thread | None = None
        self._last, self._checked_at = False, float("-inf")

    def answers(self) -> bool:
        """Check the server now; return whether it answered."""
        if self._thread is not None and self._thread.is_alive():
            return self._remember(succeeded=False)
        results: list[bool] = []
        self._thread = threading.Thread(target=lambda: results.append(self._check()), name=self._name, daemon=True)
        self._thread.start()
        self._thread.join(self._seconds)
        return self._remember(succeeded=results == [True])

    def answered_lately(self) -> bool:
        """Return the last result while it is fresh, so that few pages wait for a silent server; otherwise check now."""
        return self._last if time.monotonic() - self._checked_at < REMEMBER_SECONDS else self.answers()

    def forget(self) -> None:
        """Forget the last result and any hanging check, as if the process were new."""
        self._thread, self._checked_at = None, float("-inf")

    def _remember(self, *, succeeded: bool) -> bool:
        self._last, self._checked_at = succeeded, time.monotonic()
        return succeeded


def _ping() -> bool:
    # Celery and redis-py spell the address of a socket differently.
    address = str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)
    half = BROKER_SECONDS / 2
    limits: dict[str, Any] = {"socket_timeout": half, "socket_connect_timeout": half}
    try:
        with redis.Redis.from_url(address, retry=Retry(NoBackoff(), 0), **limits) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError, ValueError):
        return False


def _select() -> bool:
    """Return whether the database accepts a new connection and answers on it."""
    # Django's connections belong to the threads that opened them, so this thread opens its own.
    own_connection = connection.copy()
    try:
        with own_connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Error:
        return False
    finally:
        own_connection.close()


BROKER = Probe("broker-ping", _ping, seconds=BROKER_SECONDS)
DATABASE = Probe("database-probe", _select, seconds=DATABASE_SECONDS)
