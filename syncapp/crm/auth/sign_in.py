"""Sign-in for people: the authorization code flow, from the redirect to the verified claims."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests

from syncapp.crm.auth.authority import (
    MSAL_ERRORS,
    MSAL_UNAVAILABLE,
    NullTokenCache,
    SandboxAdapter,
    application,
    demo_session,
    error_code_of,
    login_session,
)
from syncapp.crm.auth.credentials import Applications, Credential
from syncapp.crm.auth.id_tokens import SignInRefused, TenantKeys, verified_claims
from syncapp.crm.auth.tokens import ClientCredentials, TokenSource
from syncapp.crm.errors import TokenUnavailable
from syncapp.crm.sessions import DIRECT, OutgoingConnections, PerProcess
from syncapp.text.ids import parse_uuid

__all__ = [
    "Claims",
    "ClientCredentials",
    "SandboxAdapter",
    "SignIn",
    "SignInRefused",
    "TokenSource",
    "demo_session",
]

_MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Claims:
    """The identity of a person, keyed by (`tenant_id`, `oid`); name and address are for display only."""

    oid: UUID
    tenant_id: UUID
    name: str
    address: str
    roles: frozenset[str]

    @classmethod
    def from_token(cls, claims: Mapping[str, Any], *, tenant_id: UUID) -> Claims:
        """Return the identity in a verified token. Raises SignInRefused if it lacks an object id or a list of roles."""
        object_id, roles = parse_uuid(claims.get("oid")), claims.get("roles", [])
        if object_id is None:
            raise SignInRefused("The ID token has no object id.")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise SignInRefused("The roles of the ID token are not a list of names.")
        return cls(
            oid=object_id,
            tenant_id=tenant_id,
            name=_display_text(claims.get("name")),
            address=_display_text(claims.get("email")) or _display_text(claims.get("preferred_username")),
            roles=frozenset(roles),
        )


class SignIn:
    """The authorization code flow with PKCE, state and nonce, for one tenant."""

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        credentials: Sequence[Credential],
        session: requests.Session | None = None,
        outgoing: OutgoingConnections = DIRECT,
    ) -> None:
        self._client_id = client_id
        tenant_id = parse_uuid(urlsplit(authority).path.strip("/"))
        if tenant_id is None:  # "common" and "organizations" would admit every tenant
            raise ValueError("The authority has to name one tenant by its id.")
        self._tenant_id = tenant_id
        self._sessions = PerProcess(lambda: session or login_session(outgoing))
        self._authority = authority
        self._keys = TenantKeys(authority=authority, session=self._sessions.get)
        self._applications = Applications(
            lambda credential: application(
                credential,
                authority=authority,
                client_id=client_id,
                session=self._sessions.get(),
                exclude_scopes=["offline_access"],
                token_cache=NullTokenCache(),
            ),
            credentials,
        )

    def begin(self, redirect_uri: str) -> dict[str, Any]:
        """Return the flow to store on the server until the person returns; `auth_uri` is the address to redirect to.

        Raises TokenUnavailable when the sign-in service cannot be reached.
        """
        application = self._applications.current
        with warnings.catch_warnings():
            # MSAL recommends form_post, but a POST from another site arrives without our Lax session cookie, and so
            # without the flow. In the query, the code is safe because PKCE binds it.
            warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended")
            flow: dict[str, Any] = application.initiate_auth_code_flow(
                scopes=[], redirect_uri=redirect_uri, response_mode="query"
            )
        return flow

    def finish(self, flow: Mapping[str, Any], query: Mapping[str, str]) -> Claims:
        """Return the claims of the person who returned with `query`.

        The caller removes `flow` from its store first, because it works only once. Raises SignInRefused, or
        TokenUnavailable when a later sign-in may work.
        """
        try:
            result = self._applications.call(lambda each: each.acquire_token_by_auth_code_flow(dict(flow), dict(query)))
        except MSAL_UNAVAILABLE as error:
            raise TokenUnavailable("The sign-in service did not answer.", code="token_endpoint") from error
        except MSAL_ERRORS as error:
            raise SignInRefused(f"The sign-in cannot be completed ({type(error).__name__}).") from error
        if "error" in result:
            raise SignInRefused(f"The sign-in service said {error_code_of(result)}.")
        # MSAL sends the hash of the nonce and keeps the nonce itself in the flow.
        nonce = hashlib.sha256(str(flow.get("nonce", "")).encode()).hexdigest() if flow.get("nonce") else ""
        claims = verified_claims(
            result.get("id_token"),
            keys=self._keys,
            client_id=self._client_id,
            tenant_id=self._tenant_id,
            nonce=nonce,
        )
        return Claims.from_token(claims, tenant_id=self._tenant_id)

    def answers(self) -> bool:
        """Return whether the sign-in service answers with its issuer and keys now; nothing is cached."""
        try:
            return bool(TenantKeys(authority=self._authority, session=self._sessions.get).issuer)
        except TokenUnavailable:
            return False


def _display_text(claim: object) -> str:
    if not isinstance(claim, str):
        return ""
    # Databases store neither NUL nor lone surrogates, which JSON can contain as \ud800.
    return re.sub("[\\x00\\ud800-\\udfff]", "\N{REPLACEMENT CHARACTER}", claim).strip()[:_MAX_NAME_LENGTH]
