"""The kind of the running process, which determines its database timeouts."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """The kinds of processes of an installation."""

    WEB = "web"
    WORKER = "worker"  # and beat
    COMMAND = "command"


_kind = Kind.COMMAND


def set_kind(kind: Kind) -> None:
    """Set the kind of this process. Call it before the first database connection; forks inherit the kind."""
    global _kind
    _kind = kind


def kind() -> Kind:
    """Return the kind of this process, which is COMMAND unless another one was set."""
    return _kind
