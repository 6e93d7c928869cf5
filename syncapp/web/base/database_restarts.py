"""Requests that arrive while the database restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import MiddlewareNotUsed
from django.db import Error, connection, connections
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from psycopg.errors import ConnectionTimeout

from portal.postgresql import Commit
from syncapp.health.outages import is_database_down
from syncapp.web.base import health
from syncapp.web.base.access import SAFE_METHODS
from syncapp.web.base.failures import says_database_is_down

WAIT_SECONDS = 5.0
ATTEMPT_INTERVAL = 0.2
# After a wait in vain, requests fail immediately for this long, so that not all threads wait for the database.
PAUSE_SECONDS = 60.0
# Names of forms that may be processed twice.
REPEATABLE = ("presence", "read_again")


class WaitForDatabase:
    """Middleware that waits for a restarting database before the request is processed.

    If the connection is lost, a request for a page is processed again, and so is a decision whose COMMIT was not sent.
    If the COMMIT succeeded, the edit's page shows what was decided. Other forms are not repeated, because they may have
    taken effect.
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
        _forget_commits()
        response = self.get_response(request)
        if not says_database_is_down(response) or not _can_be_answered(request) or not self._connect():
            return response
        match = request.resolver_match
        if match is not None and match.url_name == "decide" and _last_commit() is Commit.DONE:
            return HttpResponseRedirect(reverse("record", kwargs=match.kwargs), status=303)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Forget earlier commits, so that only the view's own transactions count."""
        _forget_commits()

    def _connect(self) -> bool:
        """Wait up to WAIT_SECONDS until the database accepts connections; return whether it does."""
        if connection.in_atomic_block:  # in tests; a transaction cannot move to another connection
            return True
        until = time.monotonic() + WAIT_SECONDS
        while True:
            connection.close_if_unusable_or_obsolete()
            try:
                connection.close_if_health_check_failed()
                connection.ensure_connection()
            except Error as error:
                # If the server does not answer, the connection's own timeout has already passed.
                is_refused = is_database_down(error) and not isinstance(error.__cause__, ConnectionTimeout)
                if not is_refused or time.monotonic() < WaitForDatabase._no_wait_until:
                    return False
                if time.monotonic() > until:
                    WaitForDatabase._no_wait_until = time.monotonic() + PAUSE_SECONDS
                    return False
            else:
                return True
            time.sleep(ATTEMPT_INTERVAL)


def _can_be_answered(request: HttpRequest) -> bool:
    """Return whether a request that lost its connection can be answered without the risk of acting twice."""
    if request.resolver_match is None:  # the view was not reached
        return True
    name = request.resolver_match.url_name
    is_outcome_known = name == "decide" and _last_commit() is not Commit.SENT
    return request.method in SAFE_METHODS or name in REPEATABLE or is_outcome_known


def _last_commit() -> Commit | None:
    return getattr(connections["default"], "last_commit", None)


def _forget_commits() -> None:
    setattr(connections["default"], "last_commit", None)  # noqa: B010  (an attribute of the portal's own backend)
