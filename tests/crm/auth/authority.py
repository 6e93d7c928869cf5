"""A small sign-in service that signs any token that a test needs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from syncapp.crm.auth.sign_in import SignIn, demo_session
from tests.crm.local_server import LocalServer, Received, http, json_answer, serve

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
PERSON = "33333333-3333-3333-3333-333333333333"
REDIRECT = "http://127.0.0.1:8000/sign-in/back"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key pair, cached by name because creating one is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if name == "short" else 2048)


def public_pem(name: str) -> bytes:
    return private_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _published(name: str) -> dict[str, str]:
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key()))
    return {**key, "kid": name, "use": "sig"}


@dataclass
class Authority:
    """The answers of the service, which a test changes before the person returns."""

    server: LocalServer | None = None
    published: list[str] = field(default_factory=lambda: ["current", "short"])
    changes: dict[str, object] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    key: object = "current"
    key_id: str | None = "current"
    algorithm: str = "RS256"
    whole_token: object = None
    token_answer: bytes | None = None
    discovery: dict[str, object] = field(default_factory=dict)
    nonce: str = ""

    @property
    def issuer(self) -> str:
        return f"{self.server.origin}/{TENANT}/v2.0"

    def handle(self, request: Received) -> bytes:
        path = urlsplit(request.target).path.removeprefix(f"/{TENANT}")
        answers = {
            "/v2.0/.well-known/openid-configuration": self._discovery,
            "/discovery/v2.0/keys": lambda: json_answer({"keys": [_published(name) for name in self.published]}),
            "/oauth2/v2.0/token": self._token,
        }
        return answers[path]() if path in answers else http(404)

    def _discovery(self) -> bytes:
        secure = f"https://127.0.0.1:{self.server.port}/{TENANT}"
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.server.origin}/{TENANT}/oauth2/v2.0/authorize",
            "token_endpoint": f"{secure}/oauth2/v2.0/token",
            "jwks_uri": f"{self.server.origin}/{TENANT}/discovery/v2.0/keys",
        }
        return json_answer({**document, **self.discovery})

    def _token(self) -> bytes:
        if self.token_answer is not None:
            return self.token_answer
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": self.id_token()}
        return json_answer(answer)

    def id_token(self) -> object:
        if self.whole_token is not None:
            return self.whole_token
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "tid": TENANT,
            "oid": PERSON,
            "sub": "pairwise",
            "ver": "2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "nonce": self.nonce,
            "name": "Rita",
            "preferred_username": "rita@contoso.example",
            "roles": ["Reviewer"],
            **self.changes,
        }
        kept = {name: value for name, value in claims.items() if name not in self.left_out}
        key = private_key(self.key) if isinstance(self.key, str) else self.key
        headers = {"kid": self.key_id} if self.key_id else {}
        return jwt.encode(kept, key, algorithm=self.algorithm, headers=headers)


@dataclass
class StartedSignIn:
    """A started sign-in, whose person is still at the sign-in service."""

    authority: Authority
    sign_in: SignIn
    flow: dict[str, object]

    def finish(self, **query: str):
        """Return to the portal as the person does, with an authorization code."""
        return self.sign_in.finish(self.flow, {"code": "a-code", "state": self.flow["state"], **query})


def _start(authority: Authority, server: LocalServer) -> StartedSignIn:
    authority.server = server
    address = f"https://127.0.0.1:{server.port}/{TENANT}"
    sign_in = SignIn(authority=address, client_id=CLIENT, credentials=["secret"], session=demo_session(address))
    flow = sign_in.begin(REDIRECT)
    authority.nonce = parse_qs(urlsplit(flow["auth_uri"]).query)["nonce"][0]
    return StartedSignIn(authority, sign_in, flow)


@contextmanager
def started_sign_in() -> Iterator[StartedSignIn]:
    """Yield a started sign-in at an authority with genuine answers."""
    authority = Authority()
    with serve(authority.handle) as server:
        yield _start(authority, server)


def unsigned(claims: dict[str, object], *, key_id: str = "current") -> str:
    """Return a token with the algorithm "none"."""
    parts = [{"alg": "none", "typ": "JWT", "kid": key_id}, claims]
    return ".".join(_base64(json.dumps(part).encode()) for part in parts) + "."


def signed_by_hand(claims: dict[str, object], header: dict[str, object], secret: bytes) -> str:
    """Return an HMAC-signed token that PyJWT refuses to create."""
    message = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{_base64(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: object) -> dict[str, object]:
    return jwt.decode(str(token), options={"verify_signature": False})
