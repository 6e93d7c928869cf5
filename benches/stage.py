"""The environment of a benchmark: an empty database, a sandbox, a folder, and the child process that measures."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import requests

from benches.figures import MISSED, heading, line, note_missed
from tests.support import servers

DATABASES = ("sqlite", "postgresql")
CLOSED_PORT = "1"


@contextmanager
def database(kind: str) -> Iterator[Mapping[str, str]]:
    """Yield the environment variables of a new database, which waits for the disk as in production."""
    with servers.temporary_folder("osync-b-") as folder:
        if kind == "sqlite":
            yield _environment(folder, f"sqlite:///{folder / 'portal.sqlite3'}")
        else:
            with servers.postgres(durable=True) as server:
                yield _environment(folder, server.url)


def _environment(folder: Path, url: str) -> dict[str, str]:
    return {
        "DEMO_DIR": str(folder),
        "DATABASE_URL": url,
        "REDIS_URL": f"redis://127.0.0.1:{CLOSED_PORT}/0",
        "RATE_LIMIT_URL": "",
        "SANDBOX_PORT": CLOSED_PORT,
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "benches.settings",
    }


@contextmanager
def sandbox(*, contacts: int, pending: int, users: int = 200, filters: int = 6) -> Iterator[Mapping[str, str]]:
    """Run a sandbox filled with staged edits; yield the environment variables that point to it."""
    with servers.sandbox() as server:
        world = {"users": users, "contacts": contacts, "pending": pending, "filters": filters, "seed": 1}
        control("POST", server.url, "reset", world)
        yield {"SANDBOX_PORT": server.url.rpartition(":")[2]}


def control(method: str, url: str, switch: str, body: Mapping[str, object]) -> Any:
    """Set one of the sandbox's switches; return its answer."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, f"{url}/sandbox/{switch}", json=body, timeout=600)
    answer.raise_for_status()
    return answer.json()


def measure(bench: str, *, environment: Mapping[str, str]) -> None:
    """Run one benchmark in its own process, which prints the figures. Raises CalledProcessError."""
    command = [sys.executable, "-m", "benches.child", bench]
    ended = subprocess.run(command, cwd=servers.PROJECT, env={**os.environ, **environment}, check=False)
    if ended.returncode == MISSED:
        note_missed(bench)
    else:
        ended.check_returncode()


def silent_addresses() -> Iterator[tuple[str, AbstractContextManager[str]]]:
    """Yield two ports that never answer: one refuses connections, one accepts them and sends nothing."""
    yield "Redis and the CRM refuse connections", nullcontext(CLOSED_PORT)
    yield "Redis and the CRM never answer", _listening()


@contextmanager
def _listening() -> Iterator[str]:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1024)
        yield str(deaf.getsockname()[1])


def run_tests(title: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run pytest with more examples than the test suite does. Raises CalledProcessError."""
    heading(title)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *arguments]
    started = time.monotonic()
    subprocess.run(command, cwd=servers.PROJECT, env={**os.environ, **environment}, check=True)
    line("all tests passed", f"{time.monotonic() - started:.0f} s")


def run_lanes(title: str, lanes: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run the kill tests in the lanes with real processes. Raises CalledProcessError."""
    heading(title)
    command = [sys.executable, "-m", "tools.run_tests", *lanes, "--", "-k", "test_kills"]
    subprocess.run(command, cwd=servers.PROJECT, env={**os.environ, **environment}, check=True)
