"""Pooled connections that died unnoticed, dropped by firewalls or reset by servers."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import requests

from syncapp.crm import sessions
from syncapp.crm.auth.authority import login_session
from syncapp.crm.transport import Transport
from tests.crm.local_server import FixedToken

ANSWER = json.dumps({"value": 1}).encode()
RESET = struct.pack("ii", 1, 0)
READ_SECONDS = 2.0


@dataclass
class Forgetful:
    """A server behind a firewall: after `forget` its open connections are dead.

    `resets`: requests on dead connections get RST instead of silence.
    """

    port: int
    resets: bool = False
    barrier: threading.Barrier | None = None
    kept: list[socket.socket] = field(default_factory=list)
    dead: list[socket.socket] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """Make all open connections dead."""
        self.dead = [*self.kept]

    def serve(self, line: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
        with suppress(OSError):  # the test may end and close the connection between two reads
            while line.recv(65_536):
                if line not in self.dead:
                    if self.barrier:
                        self.barrier.wait(5)
                    line.sendall(head.encode() + ANSWER)
                elif self.resets:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    line.close()
                    return


@contextmanager
def forgetful(**options: bool) -> Iterator[Forgetful]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        server = Forgetful(listener.getsockname()[1], **options)

        def accept() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                server.kept.append(line)
                threading.Thread(target=server.serve, args=(line,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for line in server.kept:
                line.close()


def transport(server: Forgetful, *, retries: int) -> Transport:
    made = Transport(origin=server.origin, token_source=FixedToken(), read_timeout=READ_SECONDS, retries=retries)
    made.sleep = lambda seconds: None  # type: ignore[method-assign]  # no pause between the tries
    return made


def read(crm: Transport) -> float:
    begun = time.monotonic()
    assert crm.get("WhoAmI") == {"value": 1}
    return time.monotonic() - begun


def read_four(crm: Transport, server: Forgetful) -> list[float]:
    """Read four times at once, over four connections; return the seconds."""
    server.barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        seconds = list(pool.map(lambda _: read(crm), range(4)))
    server.barrier = None
    return seconds


def test_dead_connection_closes_whole_pool() -> None:
    with forgetful() as server:
        crm = transport(server, retries=1)
        read(crm)
        read_four(crm, server)
        server.forget()
        assert READ_SECONDS <= read(crm) < 2 * READ_SECONDS

        assert max(read_four(crm, server)) < READ_SECONDS


def test_idle_connection_is_reopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_IDLE_SECONDS", 0.2)
    with forgetful() as server:
        crm = transport(server, retries=0)
        read(crm)
        server.forget()
        time.sleep(0.3)

        assert read(crm) < READ_SECONDS
        assert len(server.kept) == 2


def test_active_connection_is_reused() -> None:
    with forgetful() as server:
        crm = transport(server, retries=0)
        for _ in range(5):
            read(crm)

        assert len(server.kept) == 1


@pytest.mark.parametrize("resets", [False, True], ids=["silent", "reset"])
def test_sign_in_opens_new_connection(resets: bool) -> None:
    with forgetful(resets=resets) as server, login_session() as session:
        for _ in range(3):
            answer: requests.Response = session.get(f"{server.origin}/keys", timeout=10)
            assert answer.json() == {"value": 1}
            server.forget()
