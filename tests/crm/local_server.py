"""A local server that sends exactly the given bytes, to imitate broken servers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from syncapp.crm.transport import Transport


@dataclass(frozen=True)
class Received:
    """A received request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Handler = Callable[[Received], bytes]


@dataclass
class LocalServer:
    """Answers each connection once by `handler`, and records the requests."""

    handler: Handler
    requests: list[Received] = field(default_factory=list)
    origin: str = ""
    port: int = 0

    def answer(self, connection: socket.socket) -> None:
        # A client may hang up in the middle of its request or of the answer.
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            request = _read(stream)
            if request is None:
                return
            self.requests.append(request)
            connection.sendall(self.handler(request))
            connection.shutdown(socket.SHUT_WR)


def _read(stream) -> Received | None:
    first = stream.readline().decode().split()
    if len(first) < 2:
        return None
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Received(first[0], first[1], headers, body)


@contextmanager
def serve(handler: Handler) -> Iterator[LocalServer]:
    """Run a server inside the context."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = LocalServer(handler, origin=f"http://127.0.0.1:{port}", port=port)
        accepting = threading.Thread(target=_accept, args=(listener, server), daemon=True)
        accepting.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(5)


def _accept(listener: socket.socket, server: LocalServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=server.answer, args=(connection,), daemon=True).start()


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return a complete HTTP answer; `retry_after="2"` becomes `Retry-After: 2`."""
    named = {"Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def json_answer(payload: object, status: int = 200, **headers: str) -> bytes:
    return http(status, json.dumps(payload).encode(), content_type="application/json", **headers)


def in_turn(*answers: bytes) -> Handler:
    """Return a handler that gives each answer once and then repeats the last."""
    waiting = list(answers)
    return lambda request: waiting.pop(0) if len(waiting) > 1 else waiting[0]


class FixedToken:
    """A token source that returns token-1, and the next number after each `forget`."""

    def __init__(self) -> None:
        self.number = 1

    def token(self) -> str:
        return f"token-{self.number}"

    def forget(self) -> None:
        self.number += 1


class RecordingTransport(Transport):
    """A transport that records its pauses instead of sleeping, without jitter."""

    def __init__(self, **options) -> None:
        super().__init__(**{"token_source": FixedToken(), **options})
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def jitter(self, max_seconds: float) -> float:
        return max_seconds
