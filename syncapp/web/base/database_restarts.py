"""Requests that arrive while the database restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

import psycopg
from django.core.exceptions import MiddlewareNotUsed
from django.db import Error, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from syncapp.health.outages import is_database_down
from syncapp.web.base import health
from syncapp.web.base.access import SAFE_METHODS
from syncapp.web.base.failures import is_lost_database

WAIT_SECONDS = 5.0
BETWEEN_ATTEMPTS = 0.2
# After a wait in vain, requests fail at once for this time, so that not all threads wait for a database that is away.
PAUSE_SECONDS = 60.0


class WaitForDatabase:
    """Middleware that waits for a database that restarts, before anything is done with the request.

    A page whose connection was lost while it was made is made once more. A form is not: it may have been taken.
    """

    _no_wait_until: ClassVar[float] = 0.0

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if connection.vendor != "postgresql":
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == health.PATH:
            return self.get_response(request)
        self._connect()
        response = self.get_response(request)
        if is_lost_database(response) and request.method in SAFE_METHODS and self._connect():
            response = self.get_response(request)
        return response

    def _connect(self) -> bool:
        """Wait until the database accepts connections; return whether it does."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            connection.close_if_unusable_or_obsolete()
            try:
                connection.close_if_health_check_failed()
                connection.ensure_connection()
            except Error as error:
                if not _may_be_restarting(error) or time.monotonic() < WaitForDatabase._no_wait_until:
                    return False
                if time.monotonic() > until:
                    WaitForDatabase._no_wait_until = time.monotonic() + PAUSE_SECONDS
                    return False
            else:
                return True
            time.sleep(BETWEEN_ATTEMPTS)


def _may_be_restarting(error: Error) -> bool:
    """Return whether the server refused at once; the wait for one that does not answer has a limit of its own."""
    return is_database_down(error) and not isinstance(error.__cause__, psycopg.errors.ConnectionTimeout)
