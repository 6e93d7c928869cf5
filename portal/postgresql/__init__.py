"""Django's PostgreSQL backend with time limits, on the server and in the process that waits for it.

A backend of its own, since no setting of libpq or the server ends the wait for a server, pooler or proxy that
acknowledges what it gets and never answers (docs/decisions.md). It knows nothing of the portal's tables.
"""
