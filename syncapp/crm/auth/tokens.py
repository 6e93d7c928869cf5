"""Tokens for our own calls to the CRM: the client credentials flow."""

from __future__ import annotations

from typing import Any, Protocol

import requests

from syncapp.crm.auth.authority import MSAL_TROUBLE, Application, application, error_code_of, login_session
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable
from syncapp.crm.sessions import DIRECT, Outgoing, PerProcess

# OAuth's words for "come back later"; every other one means that our registration is wrong
# (RFC 6749, sections 4.1.2.1 and 5.2).
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


class TokenSource(Protocol):
    """Where `Transport` gets the bearer token from."""

    def token(self) -> str:
        """A token that should work now; raises CredentialsRefused or TokenUnavailable."""

    def forget(self) -> None:
        """The last token was refused: do not hand it out again."""


class ClientCredentials:
    """The application user's token, kept in memory by MSAL and renewed by it before it ends.

    One token a process and hour; they are not shared, so no bearer token lies in any store.
    """

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        client_secret: str,
        scope: str,
        session: requests.Session | None = None,
        outgoing: Outgoing = DIRECT,
    ) -> None:
        self._scopes = [scope]
        self._applications: PerProcess[Application] = PerProcess(
            lambda: application(
                authority=authority,
                client_id=client_id,
                client_secret=client_secret,
                session=session or login_session(outgoing),
            )
        )

    def token(self) -> str:
        """See `TokenSource`."""
        result = self._acquire()
        token = result.get("access_token")
        if isinstance(token, str) and token:
            return token
        # MSAL answers from its own memory of failures for a minute; a new application asks again.
        self._applications.drop()
        raise _refusal(result)

    def forget(self) -> None:
        """See `TokenSource`."""
        self._applications.get().remove_tokens_for_client()

    def _acquire(self) -> dict[str, Any]:
        try:
            result: dict[str, Any] | None = self._applications.get().acquire_token_for_client(scopes=self._scopes)
        except MSAL_TROUBLE as error:
            self._applications.drop()
            message = f"The sign-in service gave no token ({type(error).__name__})."
            raise TokenUnavailable(message, code="token_endpoint") from error
        return result or {}


def _refusal(result: dict[str, Any]) -> CredentialsRefused | TokenUnavailable:
    word = error_code_of(result)
    description = str(result.get("error_description", ""))[:1000]
    if word in _PASSING or not result:
        return TokenUnavailable(f"The sign-in service is in trouble: {word}.", code=word)
    return CredentialsRefused(f"The sign-in service refused our credentials: {word}. {description}".strip(), code=word)
