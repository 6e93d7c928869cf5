"""A PostgreSQL that acknowledges everything and answers nothing: the web processes go on by themselves afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.journeys.database import Database
from tests.journeys.stack import start_web
from tests.servers import Server, wait_until
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.journey

THREADS = 8
BOUND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status that a page came with, 0 for none, and the seconds it took."""

    status: int
    seconds: float


@pytest.fixture
def proxy(journey_database: Database) -> Iterator[FaultProxy]:
    """A proxy before the journeys' PostgreSQL."""
    mapping = journey_database.mapping
    if "postgresql" not in mapping["ENGINE"]:
        pytest.skip("SQLite has no server")
    with FaultProxy(f"{mapping['HOST']}:{mapping['PORT']}") as proxy:
        yield proxy


@pytest.fixture
def web(journey_database: Database, proxy: FaultProxy, tmp_path: Path) -> Iterator[Server]:
    """Web processes behind the proxy, with the limits that they have by default."""
    address = journey_database.url.partition("@")
    url = f"{address[0]}@{proxy.address}/{address[2].rpartition('/')[2]}"
    environment = {"DATABASE_URL": url, "DEMO_DIR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0"}
    server = start_web(tmp_path / "web.log", os.environ | environment)
    try:
        wait_until(lambda: ask(server, "/healthz?part=web", timeout=5).status == 200, seconds=60, what=server.said())
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


def test_web_threads_are_free_after_silence(web: Server, proxy: FaultProxy) -> None:
    assert {answer.status for answer in ask_at_once(web, 3 * THREADS)} == {200}
    processes = psutil.Process(web.process.pid).children()
    proxy.silence()

    with ThreadPoolExecutor() as pool:
        pages = pool.submit(ask_at_once, web, 3 * THREADS)
        health = [ask(web, "/healthz?part=web") for _ in range(3)]

    assert {answer.status for answer in health} == {503}
    assert {answer.status for answer in pages.result()} == {503}
    assert max(answer.seconds for answer in [*health, *pages.result()]) < BOUND_SECONDS

    proxy.restore()
    wait_until(lambda: {answer.status for answer in ask_at_once(web, 3 * THREADS)} == {200}, seconds=BOUND_SECONDS)
    assert psutil.Process(web.process.pid).children() == processes
