"""The kind of the running process, which decides how long its statements may take."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """The processes of an installation."""

    WEB = "web"
    WORKER = "worker"  # and beat
    COMMAND = "command"


_kind = Kind.COMMAND


def set_kind(kind: Kind) -> None:
    """Say what this process is, before it opens a connection to the database; its forks inherit it."""
    global _kind
    _kind = kind


def kind() -> Kind:
    """Return what this process is: a command, unless it said otherwise."""
    return _kind
