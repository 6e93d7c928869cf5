"""The HTTP server: one thread per connection, HTTP/1.1 with keep-alive, answers written in one piece.

Werkzeug's development server closes the connection after each answer, and a fault must be able to close one without an
answer, so this is a small server of the standard library's parts. `SandboxServer` runs it inside a test's process.
"""

from __future__ import annotations

import io
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import unquote_to_bytes

from dataverse_sandbox.app import Application, create_app
from dataverse_sandbox.config import DEMO_WORLD, Config, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

MAX_BODY_BYTES = 130_000_000
# "Compose HTTP requests and handle errors": an address has up to 32 KB; inside a batch it is in the body.
MAX_LINE_LENGTH = 32_768 + len("DELETE  HTTP/1.1\r\n")
_IDLE_SECONDS = 300


class Handler(BaseHTTPRequestHandler):
    """Handler of one connection's requests, one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        """Start TLS if a certificate is given, in this connection's own thread."""
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        if self.server.tls is not None:
            self.request.close()

    def handle_one_request(self) -> None:
        """Handle one request; end the connection quietly when the client fails."""
        try:
            self.raw_requestline = self.rfile.readline(MAX_LINE_LENGTH + 1)
            if len(self.raw_requestline) > MAX_LINE_LENGTH:
                self._refuse_line()
                return
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._serve()
            self.wfile.flush()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Send "100 Continue" at once, because answers are buffered."""
        allowed = super().handle_expect_100()
        self.wfile.flush()
        return allowed

    def _refuse_line(self) -> None:
        self.close_connection = True
        self.requestline, self.command, self.request_version = "", "", self.protocol_version
        self.send_error(414)
        self.wfile.flush()

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        cut = threading.Event()
        status, headers, content = _run(self.server.application, self._environ(body, cut))
        if cut.is_set():
            self.close_connection = True
            return
        self.send_response_only(int(status.split(" ")[0]), status.partition(" ")[2])
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _body(self) -> bytes | None:
        """Return the body; None when its length is unknown or too large, which ends the connection."""
        try:
            body, refusal = self._read_body(), 413
        except ValueError:
            body, refusal = None, 400
        if body is None:
            self.close_connection = True
            self.send_error(refusal)
        return body

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = _natural(self.headers.get("Content-Length") or "0", base=10)
        return self.rfile.read(length) if length <= MAX_BODY_BYTES else None

    def _read_chunks(self) -> bytes | None:
        body = bytearray()
        while size := _natural(self.rfile.readline(1_024).decode("latin-1").split(";")[0], base=16):
            body += self.rfile.read(min(size, MAX_BODY_BYTES + 1))
            self.rfile.readline(16)
            if len(body) > MAX_BODY_BYTES:
                return None
        self.rfile.readline(16)
        return bytes(body)

    def _environ(self, body: bytes, cut: threading.Event) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self.server.tls is not None else "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.input_terminated": True,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "sandbox.cut": cut,
        }
        for name, value in self.headers.items():
            environ.setdefault("HTTP_" + name.upper().replace("-", "_"), value)
        return environ

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the ledger page shows all writes."""


def _natural(text: str, *, base: int) -> int:
    """Parse a Content-Length. Raises ValueError unless it is a number of bytes."""
    number = int(text, base)
    if number < 0:
        raise ValueError(text)
    return number


def _run(application: WSGIApplication, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Call a WSGI application and collect its answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_exc_info: object) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda _data: None

    begin: StartResponse = start_response
    content: Iterable[bytes] = application(environ, begin)
    body = b"".join(content)
    status, headers = started[-1]
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    return status, headers, body


class Server(socketserver.ThreadingTCPServer):
    """Server that remembers its connections, so that stopping ends the threads of idle ones."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    block_on_close = False
    address_family: ClassVar[int] = socket.AF_INET  # type: ignore[misc]  # the base declares an instance attribute

    def __init__(self, host: str, port: int, application: Application, *, tls: ssl.SSLContext | None = None) -> None:
        self.application = application
        self.tls = tls
        self._open: set[socket.socket] = set()
        super().__init__((host, port), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore an interrupted request; the application answers the sandbox's own errors with 500."""

    def stop(self) -> None:
        """Stop accepting, release held requests, close every connection."""
        self.shutdown()
        self.server_close()
        self.application.close()
        for connection in list(self._open):
            _shut(connection)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client was faster.
        return


class SandboxServer:
    """A sandbox over real HTTP inside this process, for tests: `with SandboxServer(path) as sandbox: sandbox.url`."""

    def __init__(
        self,
        data: Path,
        port: int = 0,
        *,
        world: World = DEMO_WORLD,
        synchronous: str = "OFF",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.application = create_app(Config(data=data, world=world, synchronous=synchronous))
        self._server = Server("127.0.0.1", port, self.application, tls=tls)
        self._scheme = "https" if tls is not None else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """Return the origin without a slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
