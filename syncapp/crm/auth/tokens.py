"""Tokens for our own calls to the CRM: the client credentials flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import requests

from syncapp.crm.auth.authority import MSAL_ERRORS, application, error_code_of, login_session
from syncapp.crm.auth.credentials import Applications, Credential
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable
from syncapp.crm.sessions import DIRECT, OutgoingConnections

# OAuth's codes for temporary errors; all others mean that our registration is wrong (RFC 6749, 4.1.2.1 and 5.2).
_TRANSIENT = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


class TokenSource(Protocol):
    """A source of bearer tokens for `Transport`."""

    def token(self) -> str:
        """Return a token that should work now. Raises CredentialsRefused or TokenUnavailable."""

    def forget(self) -> None:
        """Discard the last token, which was refused."""


class ClientCredentials:
    """The token of the application user, cached in memory and renewed by MSAL.

    Each process has its own, so that no bearer token is stored anywhere.
    """

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        credentials: Sequence[Credential],
        scope: str,
        session: requests.Session | None = None,
        outgoing: OutgoingConnections = DIRECT,
    ) -> None:
        self._scopes = [scope]
        self._applications = Applications(
            lambda credential: application(
                credential, authority=authority, client_id=client_id, session=session or login_session(outgoing)
            ),
            credentials,
        )

    def token(self) -> str:
        """See `TokenSource`."""
        try:
            result = self._applications.call(lambda each: each.acquire_token_for_client(scopes=self._scopes))
        except MSAL_ERRORS as error:
            self._applications.drop()
            message = f"The sign-in service gave no token ({type(error).__name__})."
            raise TokenUnavailable(message, code="token_endpoint") from error
        token = result.get("access_token")
        if isinstance(token, str) and token:
            return token
        # MSAL repeats a cached failure for a minute; a new application asks the service again.
        self._applications.drop()
        code = error_code_of(result)
        if code in _TRANSIENT or not result:
            raise TokenUnavailable(f"The sign-in service reports a temporary error: {code}.", code=code)
        description = str(result.get("error_description", ""))[:1000]
        message = f"The sign-in service refused our credentials: {code}. {description}".strip()
        raise CredentialsRefused(message, code=code)

    def forget(self) -> None:
        """See `TokenSource`."""
        self._applications.current.remove_tokens_for_client()
