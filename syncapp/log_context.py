"""The context of log lines: the request, task or job during which a line is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[Mapping[str, str] | None] = ContextVar("log_context", default=None)


@contextmanager
def bound(**values: str) -> Iterator[None]:
    """Add these names and values to each line that this thread logs within the block."""
    token = _current.set({**current(), **values})
    try:
        yield
    finally:
        _current.reset(token)


def replace(**values: str) -> None:
    """Add only these names and values to each line that this thread logs from now on."""
    _current.set(values)


def current() -> Mapping[str, str]:
    """Return the names and values that are added now; none outside a request, task or job."""
    return _current.get() or {}
