"""Requests while PostgreSQL restarts: pages wait and are built again, forms are not processed twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.handlers.exception import convert_exception_to_response
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from portal.postgresql.base import DatabaseWrapper
from syncapp.web.base import database_restarts
from syncapp.web.base.database_restarts import WaitForDatabase
from tests.support.fault_proxy import FaultProxy, When

EDIT = UUID(int=7)
DECIDE = f"/review/{EDIT}/decide"
pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not restart")


@pytest.fixture
def proxy(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Connect this process to its PostgreSQL through a proxy; its last unsuccessful wait was over a minute ago."""
    monkeypatch.setattr(WaitForDatabase, "_no_wait_until", 0.0)
    monkeypatch.setattr(DatabaseWrapper, "_refused_until", 0.0)
    others, before = connections.settings["default"], connections["default"]
    with FaultProxy(f"{others['HOST']}:{others['PORT']}") as proxy, django_db_blocker.unblock():
        host, _, port = proxy.address.rpartition(":")
        connections.settings["default"] = {**others, "HOST": host, "PORT": port, "NAME": "postgres"}
        del connections["default"]
        try:
            yield proxy
        finally:
            connections["default"].close()
            connections.settings["default"], connections["default"] = others, before


class Page:
    """A page that writes and reads; the first time it meets a fault before its COMMIT, or after it."""

    def __init__(self, *, before: Any = None, after: Any = None) -> None:
        self.times, self._before, self._after = 0, before, after

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.times += 1
        with transaction.atomic():
            execute("CREATE TEMPORARY TABLE IF NOT EXISTS written (id int)")
            if self._before is not None and self.times == 1:
                self._before()
            execute("SELECT 1")
        if self._after is not None and self.times == 1:
            self._after()
        execute("SELECT 1")
        return HttpResponse("shown")

    def ask(self, method: str = "GET", path: str = "/review/") -> int:
        """Return the status of a request."""
        request = RequestFactory().generic(method, path)
        request.resolver_match = resolve(path)
        return WaitForDatabase(convert_exception_to_response(self))(request).status_code


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_request_waits_out_database_restart(proxy: FaultProxy) -> None:
    page = Page()
    proxy.refuse()
    threading.Timer(0.5, proxy.restore).start()

    assert (page.ask("POST"), page.times) == (200, 1)


@pytest.mark.parametrize(
    ("method", "path", "before", "after"),
    [
        ("GET", "/review/", (200, 2), (200, 2)),
        ("POST", f"/review/{EDIT}/presence", (200, 2), (200, 2)),
        ("POST", DECIDE, (200, 2), (303, 1)),
        ("POST", f"/review/{EDIT}/park", (503, 1), (503, 1)),
    ],
)
def test_interrupted_request_is_repeated_where_safe(
    proxy: FaultProxy, method: str, path: str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    first, second = Page(before=proxy.cut), Page(after=proxy.cut)

    assert (first.ask(method, path), first.times) == before
    assert (second.ask(method, path), second.times) == after


def test_decision_with_unknown_outcome_is_not_repeated(proxy: FaultProxy) -> None:
    page = Page(before=lambda: proxy.cut_at_commit(When.BEFORE_ANSWER))

    assert (page.ask("POST", DECIDE), page.times) == (503, 1)


def test_only_first_request_waits_for_unreachable_database(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_restarts, "WAIT_SECONDS", 1.0)
    proxy.refuse()
    begun = time.monotonic()
    statuses = [Page().ask() for _ in range(5)]

    assert statuses == [503] * 5
    assert time.monotonic() - begun < 3, "five waits would take five seconds"
