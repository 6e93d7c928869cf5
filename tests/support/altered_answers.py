"""A CRM whose answers differ from its rows: the sandbox's answers are changed before they are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dataverse_sandbox.server import SandboxServer


@contextmanager
def altered(server: SandboxServer, pattern: str, new: str | Callable[[re.Match[bytes]], bytes]) -> Iterator[None]:
    """Replace what matches the pattern in all answers; at least one answer has to match it."""
    running, matches = server._server, 0
    honest = running.application

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        nonlocal matches
        started: list[Any] = []
        body = b"".join(honest(environ, lambda *status_and_headers: started.append(status_and_headers)))  # type: ignore[arg-type,return-value]
        body, found = re.subn(pattern.encode(), new.encode() if isinstance(new, str) else new, body)
        matches += found
        status, headers, *_ = started[-1]
        start_response(status, [each for each in headers if each[0].lower() != "content-length"])
        return [body]

    running.application = application  # type: ignore[assignment]  # any WSGI application
    try:
        yield
    finally:
        running.application = honest
    assert matches, f"no answer has {pattern}"
