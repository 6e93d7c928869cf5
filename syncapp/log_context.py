"""The work during which a line of the log is written: a request, a task, a job."""

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
    """Give each line that this thread logs from now on these names and values only."""
    _current.set(values)


def current() -> Mapping[str, str]:
    """Return the names and values of the work under way; empty outside of any."""
    return _current.get() or {}
