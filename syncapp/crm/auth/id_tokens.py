"""Verification of ID tokens, which MSAL leaves to the application.

The checks cover the signature by one of the tenant's published keys (RS256 only), issuer, tenant, audience, times
(120 s of tolerance), version and nonce. Source: "ID token claims reference" and "Validate tokens".
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import jwt
import requests

from syncapp.crm import odata
from syncapp.crm.errors import CrmError, TokenUnavailable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import read_limited

_LEEWAY_SECONDS = 120
_KEYS_LIVE_SECONDS = 3600.0
# Tokens with invented key ids must not trigger a request for the keys each time.
_REFRESH_PAUSE_SECONDS = 10.0
_MAX_TOKEN_LENGTH = 65_536
_MAX_DOCUMENT_BYTES = 1_000_000
_DOCUMENT_SECONDS = 15.0


class SignInRefused(Exception):
    """The sign-in is refused; `reason` is for the log and administrators."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TenantKeys:
    """The authority's issuer and signing keys, cached for an hour."""

    def __init__(self, *, authority: str, session: Callable[[], requests.Session]) -> None:
        self._authority = authority.rstrip("/")
        self._host = Origin.parse(authority)
        self._session = session
        self._issuer = ""
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")

    @property
    def issuer(self) -> str:
        """Return the issuer of this tenant's genuine tokens."""
        self._refresh(older_than=_KEYS_LIVE_SECONDS)
        return self._issuer

    def key(self, key_id: object) -> jwt.PyJWK:
        """Return the key with this id, reading the keys again if it is new. Raises SignInRefused when there is none."""
        self._refresh(older_than=_KEYS_LIVE_SECONDS)
        if key_id not in self._keys:
            self._refresh(older_than=_REFRESH_PAUSE_SECONDS)
        found = self._keys.get(key_id) if isinstance(key_id, str) else None
        if found is None:
            raise SignInRefused("The ID token is signed with a key that is not the tenant's.")
        return found

    def _refresh(self, *, older_than: float) -> None:
        if time.monotonic() - self._read_at < older_than:
            return
        document = self._read(f"{self._authority}/v2.0/.well-known/openid-configuration")
        self._issuer = self._checked_url(document.get("issuer"))
        keys = self._read(self._checked_url(document.get("jwks_uri"))).get("keys")
        found = {}
        for key in keys if isinstance(keys, list) else []:
            if isinstance(key, dict) and key.get("kid") and key.get("kty") == "RSA" and key.get("use", "sig") == "sig":
                with suppress(jwt.PyJWTError, ValueError, TypeError):  # an unusable key cannot have signed a token
                    found[key["kid"]] = jwt.PyJWK.from_dict(key, algorithm="RS256")
        self._keys = found
        self._read_at = time.monotonic()

    def _checked_url(self, url: object) -> str:
        # The URLs in the document must be on the authority's host. The scheme is not compared, because the demo's
        # sign-in service publishes http URLs.
        try:
            origin = Origin.parse(url if isinstance(url, str) else "")
        except ValueError as error:
            raise TokenUnavailable("The sign-in service has an invalid description.", code="discovery") from error
        if (origin.host, origin.port) != (self._host.host, self._host.port):
            raise TokenUnavailable("The sign-in service points to another host.", code="discovery")
        return str(url)

    def _read(self, url: str) -> dict[str, Any]:
        until = time.monotonic() + _DOCUMENT_SECONDS
        try:
            with self._session().get(url, stream=True, timeout=_DOCUMENT_SECONDS, allow_redirects=False) as response:
                body = read_limited(response, max_bytes=_MAX_DOCUMENT_BYTES, until=until)
            if response.status_code == 200:
                return odata.parse_json(body)
        except (requests.RequestException, CrmError) as error:
            raise TokenUnavailable("The sign-in service's keys could not be read.", code="keys") from error
        raise TokenUnavailable(f"The sign-in service answered {response.status_code}.", code="keys")


def verified_claims(
    id_token: object, *, keys: TenantKeys, client_id: str, tenant_id: UUID, nonce: str
) -> dict[str, Any]:
    """Return the claims of a genuine token.

    Raises SignInRefused with the reason for any other, and TokenUnavailable if the tenant's keys cannot be read.
    """
    if not isinstance(id_token, str) or len(id_token) > _MAX_TOKEN_LENGTH:
        raise SignInRefused("There is no ID token.")
    try:
        key = keys.key(jwt.get_unverified_header(id_token).get("kid"))
        claims = jwt.decode(
            id_token,
            key=key.key,
            algorithms=["RS256"],
            audience=client_id,
            issuer=keys.issuer,
            leeway=_LEEWAY_SECONDS,
            options={
                "require": ["exp", "iat", "nbf", "iss", "aud"],
                "strict_aud": True,
                "enforce_minimum_key_length": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise SignInRefused(f"The ID token is not valid ({type(error).__name__}).") from error
    _require(claims.get("ver") == "2.0", "The ID token is of another version.")
    _require(claims.get("tid") == str(tenant_id), "The ID token is from another tenant.")
    claimed = claims.get("nonce")
    is_ours = isinstance(claimed, str) and bool(nonce) and hmac.compare_digest(claimed.encode(), nonce.encode())
    _require(is_ours, "The ID token belongs to another sign-in.")
    return claims


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise SignInRefused(reason)
