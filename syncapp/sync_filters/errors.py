"""What a filter operation refuses to do, in words for a person."""

from __future__ import annotations


class NotPossible(Exception):
    """The run cannot do this now; the text says why."""
