"""The error that refused filter operations raise."""

from __future__ import annotations


class NotPossible(Exception):
    """The operation is refused; the message tells the user why."""
