"""Django's PostgreSQL backend with time limits on the server and in the waiting process.

A custom backend, because no setting of libpq or the server ends the wait for a server, pooler or proxy that accepts
queries and never answers (docs/decisions.md). It does not know the portal's tables.
"""

from __future__ import annotations

from enum import Enum


class Commit(Enum):
    """The progress of a COMMIT: sent, so that it may have taken effect, or answered."""

    SENT = "sent"
    DONE = "done"
