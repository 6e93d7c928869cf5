"""A TCP proxy before a server that makes connections fail while both ends live.

    with FaultProxy("127.0.0.1:5432") as proxy:
        connect_to(proxy.address)
        proxy.silence()
        ...
        proxy.restore()

A connection that lost data while the proxy was silent stays silent after `restore`, as a half-open connection does: the
end that waits for an answer never gets it, and only its own time limit helps. New connections work.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # psycopg sends it as a simple query, and waits for its answer
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_Result = TypeVar("_Result")


class Mode(enum.Enum):
    """The modes of the proxy."""

    PASS = "pass"
    SILENT = "silent"  # accept and acknowledge everything, pass nothing on, answer nothing
    REFUSE = "refuse"  # not listening


class When(enum.Enum):
    """The moment of a reset, relative to a request with a given marker."""

    BEFORE_ARRIVAL = "before the server gets the request"
    BEFORE_ANSWER = "after the server answered, before the client hears of it"
    WITHIN_ANSWER = "when half of the answer's first part has reached the client"


@dataclass(slots=True)
class _Cut:
    """An order to reset the connection around each of the next `times` requests with `marker`."""

    marker: bytes
    when: When
    times: int


@dataclass(slots=True)
class _Line:
    """A client's connection and its connection to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    swallowed: bool = False
    cut_answer: When | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def close(self) -> None:
        """Close both ends after delivering pending data."""
        for end in (self.client, self.server):
            if end is not None:
                end.close()

    def reset(self) -> None:
        """Reset both ends, losing pending data."""
        for end in (self.client, self.server):
            if end is not None:
                with suppress(OSError):  # closed already
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                end.transport.abort()


class FaultProxy:
    """A proxy on a loopback port for `target`: "host:port", or the path of a unix socket."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.cuts_made = 0
        self._mode = Mode.PASS
        self._cut: _Cut | None = None
        self._lines: list[_Line] = []
        self._passing = asyncio.Event()
        self._passing.set()
        self._listener: asyncio.Server | None = None
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {target}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- orders of a test -------------------------------------------------------------------------------
    @property
    def port(self) -> int:
        """Return the port for clients, which never changes."""
        return self._port

    @property
    def address(self) -> str:
        """Return `host:port` for clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def open_lines(self) -> int:
        """Return the number of open connections."""
        return self._in_loop(lambda: len(self._lines))

    @property
    def cuts_left(self) -> int:
        """Return the number of ordered cuts that have not happened yet."""
        return self._in_loop(lambda: self._cut.times if self._cut else 0)

    def silence(self) -> None:
        """Accept all data on existing and new connections, and answer nothing."""
        self._in_loop(lambda: self._set(Mode.SILENT))
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def refuse(self) -> None:
        """Reset all connections and refuse new ones."""
        self._in_loop(self._stop_listening)
        self._in_loop(lambda: self._set(Mode.REFUSE))
        self.cut()

    def restore(self) -> None:
        """Forward data again and cancel ordered cuts; connections that lost data stay silent."""
        self._in_loop(lambda: self._set(Mode.PASS))
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def cut(self) -> None:
        """Reset all open connections once; new ones pass."""
        self._in_loop(lambda: [line.reset() for line in self._lines])

    def cut_at(self, marker: bytes, when: When, *, times: int = 1) -> None:
        """Reset the connection around each of the next `times` requests with `marker`."""
        self._in_loop(lambda: setattr(self, "_cut", _Cut(marker, when, times)))

    def cut_at_commit(self, when: When, *, times: int = 1) -> None:
        """Reset the connection around each of the next `times` COMMITs of psycopg."""
        self.cut_at(COMMIT, when, times=times)

    # --- connections, all in the loop's thread ----------------------------------------------------------
    def _in_loop(self, do: Callable[[], _Result]) -> _Result:
        async def done() -> _Result:
            return do()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def _set(self, mode: Mode) -> None:
        self._mode, self._cut = mode, None
        if mode is Mode.SILENT:
            self._passing.clear()
        else:
            self._passing.set()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._listener.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _end(self) -> None:
        self._stop_listening()
        tasks = [task for line in self._lines for task in line.tasks]
        self._passing.set()
        for line in self._lines:
            line.reset()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        line = _Line(client)
        self._lines.append(line)
        try:
            await self._carry(line, reader)
        except OSError:
            line.reset()  # cut as ordered, or one end reset the connection, or the server refuses it
        finally:
            self._lines.remove(line)
            line.close()

    async def _carry(self, line: _Line, reader: asyncio.StreamReader) -> None:
        """Connect to the server, unless silent, and forward data until either end closes."""
        if self._mode is Mode.SILENT:
            line.swallowed = True
            while await reader.read(65536):
                pass
            return
        answers, line.server = await self._connect()
        line.tasks = [
            asyncio.create_task(self._carry_requests(line, reader, line.server)),
            asyncio.create_task(self._carry_answers(line, answers)),
        ]
        done, others = await asyncio.wait(line.tasks, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        for task in done:
            task.result()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.target.startswith("/"):
            return await asyncio.open_unix_connection(self.target)
        host, _, port = self.target.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _carry_requests(self, line: _Line, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._swallows(line):
                continue
            when = self._cut_around(data)
            if when is When.BEFORE_ARRIVAL:
                raise ConnectionResetError
            line.cut_answer = when or line.cut_answer
            server.write(data)
            await server.drain()
        await self._passing.wait()  # a server behind a silent connection does not notice that its client has gone

    async def _carry_answers(self, line: _Line, answers: asyncio.StreamReader) -> None:
        while data := await answers.read(65536):
            if self._swallows(line):
                continue
            if line.cut_answer is When.BEFORE_ANSWER:
                raise ConnectionResetError
            half = line.cut_answer is When.WITHIN_ANSWER
            line.client.write(data[: len(data) // 2] if half else data)
            await line.client.drain()
            if half:
                await asyncio.sleep(0.05)  # a reset would discard what the client has not read yet
                raise ConnectionResetError
        if self._swallows(line):
            await asyncio.Event().wait()  # until the client closes

    def _swallows(self, line: _Line) -> bool:
        line.swallowed = line.swallowed or self._mode is Mode.SILENT
        return line.swallowed

    def _cut_around(self, data: bytes) -> When | None:
        """Return the moment at which to reset this request's connection, or None."""
        cut = self._cut
        if cut is None or not cut.times or cut.marker not in data:
            return None
        cut.times -= 1
        self.cuts_made += 1
        return cut.when
