"""A CONNECT proxy that records targets and credentials."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectProxy:
    """A running proxy; `credentials` is the required `user:password`, or empty."""

    port: int
    credentials: str
    connected: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def url(self) -> str:
        """Return the proxy's URL, without credentials."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def connect_proxy(*, credentials: str = "") -> Iterator[ConnectProxy]:
    """Run a proxy on a loopback port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            first = self.rfile.readline().decode().split()
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            wanted = "Basic " + base64.b64encode(credentials.encode()).decode()
            if first[0] != "CONNECT" or (credentials and headers.get("proxy-authorization") != wanted):
                proxy.refused += 1
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            proxy.connected.append(first[1])
            host, _, port = first[1].rpartition(":")
            with socket.create_connection((host, int(port))) as server, suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _carry(self.connection, server)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = ConnectProxy(server.server_address[1], credentials)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield proxy
        server.shutdown()


def _carry(one: socket.socket, other: socket.socket) -> None:
    ends = {one: other, other: one}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65_536)
            if not data:
                return
            ends[end].sendall(data)
