"""Pooled connections that are dead without our knowledge: dropped by a firewall or reset by the server."""

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
class DroppingServer:
    """A server behind a firewall: after `drop_connections` its open connections are dead.

    With `resets`, requests on dead connections are answered by RST instead of silence.
    """

    port: int
    resets: bool = False
    barrier: threading.Barrier | None = None
    accepted: list[socket.socket] = field(default_factory=list)
    dead: list[socket.socket] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def drop_connections(self) -> None:
        """Make all open connections dead."""
        self.dead = [*self.accepted]

    def serve(self, connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
        with suppress(OSError):  # the test may end and close the connection between two reads
            while connection.recv(65_536):
                if connection not in self.dead:
                    if self.barrier:
                        self.barrier.wait(5)
                    connection.sendall(head.encode() + ANSWER)
                elif self.resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    connection.close()
                    return


@contextmanager
def dropping_server(**options: bool) -> Iterator[DroppingServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        server = DroppingServer(listener.getsockname()[1], **options)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.accepted.append(connection)
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in server.accepted:
                connection.close()


def transport(server: DroppingServer, *, retries: int) -> Transport:
    made = Transport(origin=server.origin, token_source=FixedToken(), read_timeout=READ_SECONDS, retries=retries)
    made.sleep = lambda seconds: None  # type: ignore[method-assign]  # no pause between attempts
    return made


def read(crm: Transport) -> float:
    started = time.monotonic()
    assert crm.get("WhoAmI") == {"value": 1}
    return time.monotonic() - started


def read_four(crm: Transport, server: DroppingServer) -> list[float]:
    """Read four times at once, over four connections; return the seconds."""
    server.barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        seconds = list(pool.map(lambda _: read(crm), range(4)))
    server.barrier = None
    return seconds


def test_dead_connection_closes_whole_pool() -> None:
    with dropping_server() as server:
        crm = transport(server, retries=1)
        read(crm)
        read_four(crm, server)
        server.drop_connections()
        assert READ_SECONDS <= read(crm) < 2 * READ_SECONDS

        assert max(read_four(crm, server)) < READ_SECONDS


def test_idle_connection_is_reopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_IDLE_SECONDS", 0.2)
    with dropping_server() as server:
        crm = transport(server, retries=0)
        read(crm)
        server.drop_connections()
        time.sleep(0.3)

        assert read(crm) < READ_SECONDS
        assert len(server.accepted) == 2


def test_active_connection_is_reused() -> None:
    with dropping_server() as server:
        crm = transport(server, retries=0)
        for _ in range(5):
            read(crm)

        assert len(server.accepted) == 1


@pytest.mark.parametrize("resets", [False, True], ids=["silent", "reset"])
def test_each_sign_in_request_opens_new_connection(resets: bool) -> None:
    with dropping_server(resets=resets) as server, login_session() as session:
        for _ in range(3):
            answer: requests.Response = session.get(f"{server.origin}/keys", timeout=10)
            assert answer.json() == {"value": 1}
            server.drop_connections()
