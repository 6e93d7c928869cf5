"""Authorization codes and ID tokens: issued by the authorize page and the token endpoint."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import jwt

from dataverse_sandbox import config
from dataverse_sandbox.config import CLIENT_ID, TENANT, Person
from dataverse_sandbox.identity.keys import signing_key
from dataverse_sandbox.store import Store

_CODE_SECONDS = 600
_ID_TOKEN_SECONDS = 3_600
_APP_ROLES = "app_roles"


class GrantRefused(Exception):
    """A refusal of the token endpoint; `error` is the OAuth code, `number` the AADSTS code."""

    def __init__(self, error: str, number: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.number = number
        self.message = f"AADSTS{number}: {message}"
        self.status = status


@dataclass(frozen=True)
class Grant:
    """The sign-in behind an authorization code; `challenge` and `nonce` are '' when the request had none."""

    person: str
    redirect_uri: str
    scope: str
    nonce: str
    challenge: str
    client_id: str = CLIENT_ID

    @property
    def who(self) -> Person:
        return config.person(self.person)


def make_code(store: Store, grant: Grant) -> str:
    code = secrets.token_urlsafe(48)
    store.execute(
        "INSERT INTO sign_in_code (code, details, expires_at) VALUES (?, ?, ?)",
        (code, json.dumps(asdict(grant)), time.time() + _CODE_SECONDS),
    )
    return code


def redeem(store: Store, code: str, *, redirect_uri: str, verifier: str, client_id: str = CLIENT_ID) -> Grant:
    """Redeem a code once. Raises GrantRefused if anything differs from the authorize request."""
    found = store.take("DELETE FROM sign_in_code WHERE code = ? RETURNING details, expires_at", (code,))
    if found is None:
        raise GrantRefused("invalid_grant", 54005, "The authorization code is unknown or was already redeemed.")
    if float(found[1]) < time.time():
        raise GrantRefused("invalid_grant", 70008, "The authorization code has expired.")
    grant = Grant(**json.loads(found[0]))
    if grant.client_id != client_id:
        raise GrantRefused("invalid_grant", 70000, "The authorization code was issued to another client.")
    if grant.redirect_uri != redirect_uri:
        raise GrantRefused("invalid_grant", 500112, "The reply address does not match that of the authorization.")
    if _challenge(verifier) != grant.challenge:
        message = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
        raise GrantRefused("invalid_grant", 501481, message)
    return grant


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of RFC 7636; '' without a verifier."""
    if not verifier:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def id_token(store: Store, grant: Grant, issuer: str) -> str:
    """Return a signed ID token of Entra's version 2.0 ("ID token claims reference")."""
    person, moment = grant.who, int(time.time())
    claims: dict[str, object] = {
        "aud": grant.client_id,
        "iss": issuer,
        "iat": moment,
        "nbf": moment,
        "exp": moment + _ID_TOKEN_SECONDS,
        "name": person.name,
        "oid": person.object_id,
        "preferred_username": person.address,
        "sub": hashlib.sha256(f"{grant.client_id}/{person.object_id}".encode()).hexdigest()[:43],
        "tid": TENANT,
        "ver": "2.0",
    }
    if grant.nonce:
        claims["nonce"] = grant.nonce
    if roles := app_roles(store, person):
        claims["roles"] = roles
    key = signing_key(store)
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id})


def app_roles(store: Store, person: Person) -> list[str]:
    """Return the app roles that are assigned to a person: those of `put_app_roles`, otherwise the published ones."""
    assigned: dict[str, list[str]] = json.loads(store.setting(_APP_ROLES) or "{}")
    return assigned.get(person.name, list(person.roles))


def put_app_roles(store: Store, assigned: Mapping[str, object]) -> None:
    """Assign app roles: `{person: [values]}`; people who are not named keep the published ones. Raises ValueError."""
    for name, roles in assigned.items():
        if name not in {person.name for person in config.PEOPLE} or not isinstance(roles, list):
            raise ValueError("The body has a list of roles for each person.")
    store.set_setting(_APP_ROLES, json.dumps(dict(assigned)))


def client_info(person: Person) -> str:
    """Return the account id that MSAL requests with client_info=1."""
    data = json.dumps({"uid": person.object_id, "utid": TENANT}).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
