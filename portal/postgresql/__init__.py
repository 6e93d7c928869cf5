"""Django's PostgreSQL backend with time limits on the server and in the waiting process.

It is needed because no setting of libpq or the server ends the wait for a server, pooler or proxy that accepts queries
and never answers (docs/decisions.md). It does not know the portal's tables.
"""

from __future__ import annotations

from enum import Enum


class Commit(Enum):
    """The state of a COMMIT: sent, so that it may have taken effect, or confirmed by the server."""

    SENT = "sent"
    DONE = "done"
