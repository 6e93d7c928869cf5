"""The web processes with gunicorn.conf.py: headers they ignore and files they leave behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.journeys.database import Database
from tests.journeys.stack import start_web
from tests.support.servers import Server, wait_until

pytestmark = pytest.mark.journey


@pytest.fixture
def web(journey_database: Database, tmp_path: Path) -> Iterator[Server]:
    """Run the demo's web processes, one with three threads, with a home folder of their own."""
    environment = os.environ | {
        "DATABASE_URL": journey_database.url,
        "DEMO_DIR": str(tmp_path),
        "HOME": str(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "WEB_PROCESSES": "1",
        "WEB_THREADS": "3",
    }
    environment.pop("XDG_RUNTIME_DIR", None)
    server = start_web(tmp_path / "web.log", environment)
    try:
        wait_until(lambda: answers(server), seconds=60, what="the web process answers")
        yield server
    finally:
        server.stop()


def answers(server: Server) -> bool:
    try:
        return requests.get(f"{server.url}/healthz?part=web", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_gunicorn_uses_our_configuration(web: Server, tmp_path: Path) -> None:
    page = requests.get(f"{web.url}/sign-in", headers={"SCRIPT_NAME": "/review"}, timeout=10)
    assert page.status_code == 200
    assert "/review/" not in page.text

    forwarded = requests.get(f"{web.url}/sign-in", headers={"X-Forwarded-For": "203.0.113.9"}, timeout=10)
    assert forwarded.status_code == 403

    assert len(psutil.Process(web.process.pid).children()) == 1
    assert not list(tmp_path.rglob("gunicorn.ctl"))


def test_stopping_portal_finishes_requests_and_refuses_connections(web: Server) -> None:
    address = ("127.0.0.1", int(web.url.rpartition(":")[2]))

    def refuses() -> bool:
        try:
            socket.create_connection(address, timeout=2).close()
        except ConnectionRefusedError:
            return True
        return False

    with socket.create_connection(address, timeout=20) as under_way:
        under_way.sendall(b"GET /healthz?part=live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        web.process.terminate()
        wait_until(refuses, seconds=10, what="connections are refused")
        under_way.sendall(b"Connection: close\r\n\r\n")

        assert under_way.recv(100).startswith(b"HTTP/1.1 200")
    assert web.process.wait(timeout=20) == 0
