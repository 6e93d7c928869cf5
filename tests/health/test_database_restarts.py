"""Requests while PostgreSQL restarts: pages wait and are made again, forms are not sent twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.exception import convert_exception_to_response
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from syncapp.web.base import database_restarts
from syncapp.web.base.database_restarts import WaitForDatabase
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not restart")


@pytest.fixture
def proxy(django_db_blocker: Any) -> Iterator[FaultProxy]:
    """Connect this process to its PostgreSQL through a proxy."""
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
            WaitForDatabase._no_wait_until = 0.0


class Page:
    """A page that reads the database; its first answer meets `fault` after it was begun."""

    def __init__(self, fault: Any = None) -> None:
        self.times, self._fault = 0, fault

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.times += 1
        if self._fault is not None and self.times == 1:
            self._fault()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return HttpResponse("shown")

    def ask(self, method: str = "GET") -> int:
        """Return the status of a request."""
        request = RequestFactory().generic(method, "/review/")
        return WaitForDatabase(convert_exception_to_response(self))(request).status_code


def test_request_waits_out_a_restart(proxy: FaultProxy) -> None:
    page = Page()
    proxy.refuse()
    threading.Timer(0.5, proxy.restore).start()

    assert (page.ask("POST"), page.times) == (200, 1)


@pytest.mark.parametrize(("method", "expected"), [("GET", (200, 2)), ("POST", (503, 1))])
def test_only_pages_are_made_again(proxy: FaultProxy, method: str, expected: tuple[int, int]) -> None:
    page = Page(fault=proxy.cut)

    assert (page.ask(method), page.times) == expected


def test_lost_database_is_waited_for_once(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_restarts, "WAIT_SECONDS", 0.4)
    proxy.refuse()
    begun = time.monotonic()
    statuses = [Page().ask() for _ in range(5)]

    assert statuses == [503] * 5
    assert time.monotonic() - begun < 2 * 0.4
