"""Timeouts for PostgreSQL: of the server, of the waiting process, and in the URL."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from pytest_django import Settings

from portal import processes
from portal.processes import Kind
from tests.support.fault_proxy import FaultProxy
from tests.support.servers import PROJECT

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server to wait for")
OPTIONS = """
import os, json
from django.conf import settings
print(json.dumps(settings.DATABASES["default"]))
"""


@pytest.fixture
def set_kind(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kind], None]:
    """Change the kind of this process for a test."""
    monkeypatch.setattr(processes, "_kind", Kind.COMMAND)
    return processes.set_kind


@pytest.fixture
def through(django_db_blocker: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that connects to the server through a given address."""
    opened: list[Any] = []

    def connect(address: str = "", **options: Any) -> Any:
        mapping = copy.deepcopy(connections.settings["default"])
        mapping["NAME"] = "postgres"
        if address:
            mapping["HOST"], _, mapping["PORT"] = address.rpartition(":")
        mapping["OPTIONS"] |= options
        wrapper = connections["default"].__class__(mapping, alias="default")
        opened.append(wrapper)
        return wrapper

    with django_db_blocker.unblock():
        yield connect
        for wrapper in opened:
            wrapper.close()
    connections["default"].__class__._refused_until = 0.0


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """Run a proxy before this run's PostgreSQL."""
    mapping = connections.settings["default"]
    with FaultProxy(f"{mapping['HOST']}:{mapping['PORT']}") as proxy:
        yield proxy


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def limit(wrapper: Any, name: str) -> str:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def mapping(**environment: str) -> dict[str, Any]:
    """Return DATABASES of a process with this environment."""
    done = subprocess.run(
        [sys.executable, "-c", OPTIONS],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "portal.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@on_postgresql
@pytest.mark.parametrize(("kind", "expected"), [(Kind.WEB, "10s"), (Kind.WORKER, "30s"), (Kind.COMMAND, "0")])
def test_statement_timeout_depends_on_process_kind(set_kind: Any, through: Any, kind: Kind, expected: str) -> None:
    set_kind(kind)

    assert limit(through(), "statement_timeout") == expected
    assert limit(through(), "idle_in_transaction_session_timeout") == ("0" if kind is Kind.COMMAND else "1min")


@on_postgresql
def test_url_options_take_precedence(set_kind: Any, through: Any, settings: Settings) -> None:
    set_kind(Kind.WEB)

    wrapper = through(options="-c statement_timeout=3s")

    assert limit(wrapper, "statement_timeout") == "3s"
    assert limit(wrapper, "idle_in_transaction_session_timeout") == "1min"


@on_postgresql
def test_pooler_gets_no_session_options(set_kind: Any, through: Any, settings: Settings) -> None:
    set_kind(Kind.WEB)
    settings.DATABASE_POOLER = True

    assert limit(through(), "statement_timeout") == "0"


@on_postgresql
def test_server_cancels_long_statement(set_kind: Any, through: Any, settings: Settings) -> None:
    set_kind(Kind.WEB)
    settings.DATABASE_PAGE_SECONDS = 0.2
    wrapper = through()

    with within(5), wrapper.cursor() as cursor, pytest.raises(OperationalError, match="statement timeout"):
        cursor.execute("SELECT pg_sleep(20)")
    assert wrapper.is_usable()


@on_postgresql
def test_wait_for_silent_server_times_out(set_kind: Any, through: Any, proxy: FaultProxy, settings: Settings) -> None:
    set_kind(Kind.WEB)
    settings.DATABASE_PAGE_SECONDS, settings.DATABASE_CONNECT_SECONDS = 0.5, 0.5
    wrapper = through(proxy.address)
    assert limit(wrapper, "statement_timeout") == "500ms"
    proxy.silence()

    with within(5), pytest.raises(OperationalError, match="not answered for 1 s"):
        limit(wrapper, "statement_timeout")

    proxy.restore()
    wrapper.close_if_unusable_or_obsolete()
    assert limit(wrapper, "statement_timeout") == "500ms"


@on_postgresql
def test_transaction_on_silent_server_fails(set_kind: Any, through: Any, proxy: FaultProxy, settings: Settings) -> None:
    set_kind(Kind.WORKER)
    settings.DATABASE_TASK_SECONDS, settings.DATABASE_CONNECT_SECONDS = 0.5, 0.5
    wrapper = through(proxy.address)
    connections["silent"], wrapper.alias = wrapper, "silent"

    def work() -> None:
        with transaction.atomic(using="silent"):
            limit(wrapper, "statement_timeout")
            proxy.silence()
            limit(wrapper, "statement_timeout")

    try:
        with within(5), pytest.raises(OperationalError, match="not answered"):
            work()
        proxy.restore()
        assert limit(wrapper, "statement_timeout") == "500ms"
    finally:
        wrapper.close()
        del connections["silent"]


@on_postgresql
def test_reused_connection_is_checked_with_short_timeout(
    set_kind: Any, through: Any, proxy: FaultProxy, settings: Settings
) -> None:
    set_kind(Kind.WEB)
    settings.DATABASE_PAGE_SECONDS, settings.DATABASE_CONNECT_SECONDS = 60, 0.5
    wrapper = through(proxy.address)
    assert limit(wrapper, "statement_timeout") == "1min"
    proxy.silence()

    with within(5):
        assert not wrapper.is_usable()


@on_postgresql
def test_web_process_fails_fast_after_timeout(
    set_kind: Any, through: Any, proxy: FaultProxy, settings: Settings
) -> None:
    set_kind(Kind.WEB)
    proxy.silence()
    with pytest.raises(OperationalError, match="timeout"):
        through(proxy.address, connect_timeout=2).ensure_connection()

    with within(1), pytest.raises(OperationalError, match="a moment ago"):
        through(proxy.address, connect_timeout=2).ensure_connection()


def test_postgresql_keepalives_are_set_by_default() -> None:
    options = mapping(DATABASE_URL="postgres://portal@db.example/portal")["OPTIONS"]

    assert options == {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
    }


def test_url_keepalives_take_precedence() -> None:
    url = "postgres://portal@db.example/portal?connect_timeout=9&keepalives_idle=60&sslmode=verify-full"

    options = mapping(DATABASE_URL=url, DATABASE_LOST_SECONDS="8")["OPTIONS"]

    assert (options["connect_timeout"], options["keepalives_idle"], options["sslmode"]) == (9, 60, "verify-full")
    assert (options["keepalives_interval"], options["tcp_user_timeout"]) == (2, 8_000)
