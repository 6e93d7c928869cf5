"""A PostgreSQL that accepts queries and never answers; web processes and beat recover afterwards."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from syncapp.models import PeriodicTask
from tests.journeys.database import Database
from tests.journeys.stack import start_web
from tests.support.fault_proxy import FaultProxy
from tests.support.servers import Server, launch, wait_until

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = pytest.mark.journey

THREADS = 8
BOUND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a page, 0 for none, and the seconds it took."""

    status: int
    seconds: float


@pytest.fixture
def proxy(journey_database: Database) -> Iterator[FaultProxy]:
    """Run a proxy before the journeys' PostgreSQL."""
    mapping = journey_database.mapping
    if "postgresql" not in mapping["ENGINE"]:
        pytest.skip("SQLite has no server")
    with FaultProxy(f"{mapping['HOST']}:{mapping['PORT']}") as proxy:
        yield proxy


@pytest.fixture
def environment(journey_database: Database, proxy: FaultProxy, tmp_path: Path) -> dict[str, str]:
    """Return the environment of processes that use the proxy and no broker."""
    user, _, place = journey_database.url.partition("@")
    url = f"{user}@{proxy.address}/{place.rpartition('/')[2]}"
    return os.environ | {"DATABASE_URL": url, "DEMO_DIR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture
def web(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """Run web processes behind the proxy, with default limits."""
    server = start_web(tmp_path / "web.log", environment)
    try:
        wait_until(lambda: ask(server, "/healthz?part=web", timeout=5).status == 200, seconds=60, what=server.output())
        yield server
    finally:
        server.stop()


@pytest.fixture
def beat(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """Run a scheduler behind the proxy, with short limits."""
    command = [sys.executable, "-m", "celery", "-A", "portal", "beat", "--pidfile", ""]
    limits = {"DATABASE_TASK_SECONDS": "3", "DATABASE_CONNECT_SECONDS": "2"}
    server = launch(command, url="", log=tmp_path / "beat.log", environment=environment | limits)
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, path: str = "/sign-in", *, timeout: float = 2 * BOUND_SECONDS) -> Answer:
    begun = time.monotonic()
    try:
        status = requests.get(f"{server.url}{path}", timeout=timeout).status_code
    except requests.RequestException:
        status = 0
    return Answer(status, time.monotonic() - begun)


def ask_at_once(server: Server, times: int) -> list[Answer]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: ask(server), range(times)))


def test_web_threads_recover_from_silent_database(web: Server, proxy: FaultProxy) -> None:
    assert {answer.status for answer in ask_at_once(web, 3 * THREADS)} == {200}
    processes = psutil.Process(web.process.pid).children()

    with ThreadPoolExecutor() as pool:
        # Some of these are in the middle of a statement when the silence begins.
        early = pool.submit(ask_at_once, web, 3 * THREADS)
        time.sleep(0.2)
        proxy.silence()
        pages = pool.submit(ask_at_once, web, 3 * THREADS)
        health = [ask(web, "/healthz?part=web") for _ in range(3)]

    assert {answer.status for answer in health} == {503}
    assert {answer.status for answer in pages.result()} == {503}
    assert {answer.status for answer in early.result()} <= {200, 503}
    assert max(answer.seconds for answer in [*health, *early.result(), *pages.result()]) < BOUND_SECONDS

    proxy.restore()
    wait_until(lambda: {answer.status for answer in ask_at_once(web, 3 * THREADS)} == {200}, seconds=BOUND_SECONDS)
    assert psutil.Process(web.process.pid).children() == processes


def rounds() -> int:
    return PeriodicTask.objects.filter(name="tick").values_list("number", flat=True).first() or 0


def test_beat_recovers_from_silent_database(
    beat: Server, proxy: FaultProxy, journey_database: Database, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), journey_database.used_here():
        wait_until(lambda: rounds() > 2, seconds=60, what="a few rounds of the tick")
        proxy.silence()
        time.sleep(2)  # beat waits for an answer now
        before = rounds()
        proxy.restore()
        wait_until(lambda: rounds() > before + 2, seconds=BOUND_SECONDS, what=beat.output())
