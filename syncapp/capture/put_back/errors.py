"""Errors of put-back plans."""

from __future__ import annotations


class NotPossible(Exception):
    """The step cannot be taken now; the message says why, and what to do."""
