"""Access tokens: opaque, stored with their user and expiry to survive a restart."""

from __future__ import annotations

import secrets
import time

from dataverse_sandbox.errors import NO_CREDENTIALS, ApiError
from dataverse_sandbox.store import Store

LIFETIME = 3_599


class Tokens:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, float]] = {}

    def issue(self, caller: str) -> str:
        """Issue a token for a systemuser."""
        token, expires_at = secrets.token_urlsafe(48), time.time() + LIFETIME
        self._store.execute(
            "INSERT INTO access_token (token, caller, expires_at) VALUES (?, ?, ?)", (token, caller, expires_at)
        )
        self._known[token] = (caller, expires_at)
        return token

    def caller(self, authorization: str) -> str:
        """Return the systemuser of an Authorization header. Raises ApiError 401."""
        scheme, _, token = authorization.partition(" ")
        found = self._known.get(token) or self._stored(token)
        if scheme.lower() != "bearer" or found is None or found[1] < time.time():
            raise refused()
        self._known[token] = found
        return found[0]

    def _stored(self, token: str) -> tuple[str, float] | None:
        found = self._store.fetch("SELECT caller, expires_at FROM access_token WHERE token = ?", (token,))
        return None if found is None else (str(found[0]), float(found[1]))

    def expire_all(self) -> None:
        """Expire every token issued so far."""
        self._store.execute("DELETE FROM access_token")
        self._known.clear()


def refused() -> ApiError:
    return ApiError(401, NO_CREDENTIALS, "The access token is missing, unknown or expired.")
