"""The fault proxy, before a server that answers each line in capitals."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.fault_proxy import FaultProxy, When


class Capitals(socketserver.StreamRequestHandler):
    """A server that answers each line in capitals, and records it."""

    heard: list[str]

    def handle(self) -> None:
        """Serve one connection until its client closes."""
        with suppress(ConnectionResetError):
            for line in self.rfile:
                self.heard.append(line.decode().strip())
                self.wfile.write(line.upper())


@pytest.fixture
def heard() -> list[str]:
    """Return the lines that the server has received."""
    return []


@pytest.fixture
def proxy(heard: list[str]) -> Iterator[FaultProxy]:
    """Run a proxy before a server."""
    handler = type("Handler", (Capitals,), {"heard": heard})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with FaultProxy(f"127.0.0.1:{server.server_address[1]}") as proxy:
            yield proxy
        server.shutdown()


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(line: socket.socket, text: str) -> str:
    line.sendall(f"{text}\n".encode())
    return line.recv(100).decode()


def is_silent(line: socket.socket) -> bool:
    line.settimeout(0.3)
    try:
        ask(line, "lost")
    except TimeoutError:
        return True
    return False


def test_proxy_counts_connections(proxy: FaultProxy):
    with connect(proxy) as line, connect(proxy) as other:
        assert (ask(line, "one"), ask(other, "two")) == ("ONE\n", "TWO\n")
        assert proxy.open_lines == 2


def test_silence_affects_old_and_new_connections(proxy: FaultProxy, heard: list[str]):
    with connect(proxy) as used, connect(proxy) as unused:
        assert (ask(used, "one"), ask(unused, "two")) == ("ONE\n", "TWO\n")
        proxy.silence()
        with connect(proxy) as new:
            assert is_silent(used)
            assert is_silent(new)
            proxy.restore()
            assert is_silent(used)
            assert is_silent(new)
        assert ask(unused, "three") == "THREE\n"
    with connect(proxy) as later:
        assert ask(later, "four") == "FOUR\n"
    assert heard == ["one", "two", "three", "four"]


def test_refusal_keeps_port(proxy: FaultProxy):
    with connect(proxy) as line:
        assert ask(line, "one") == "ONE\n"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.restore()
    with connect(proxy) as line:
        assert ask(line, "two") == "TWO\n"


def test_cut_resets_every_connection_once(proxy: FaultProxy):
    with connect(proxy) as line:
        assert ask(line, "one") == "ONE\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with connect(proxy) as line:
        assert ask(line, "two") == "TWO\n"


@pytest.mark.parametrize(
    ("when", "arrived", "answer"),
    [(When.BEFORE_ARRIVAL, 0, ""), (When.BEFORE_ANSWER, 2, ""), (When.WITHIN_ANSWER, 2, "COM")],
)
def test_cut_hits_marked_requests(proxy: FaultProxy, heard: list[str], when: When, arrived: int, answer: str):
    proxy.cut_at(b"commit", when, times=2)
    for _ in range(2):
        with connect(proxy) as line:
            assert ask(line, "one") == "ONE\n"
            if answer:
                assert ask(line, "commit") == answer
            with pytest.raises(ConnectionResetError):
                ask(line, "commit") if not answer else line.recv(1)
    assert heard.count("commit") == arrived
    assert (proxy.cuts_left, proxy.cuts_made) == (0, 2)
    with connect(proxy) as line:
        assert ask(line, "commit") == "COMMIT\n"


def test_server_refusal_resets_client():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with FaultProxy(f"127.0.0.1:{port}") as proxy, pytest.raises(ConnectionResetError), connect(proxy) as line:
        ask(line, "one")
