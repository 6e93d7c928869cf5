"""The application's client secrets and certificates, and their verification at the token endpoint.

Source: "Microsoft identity platform application authentication certificate credentials" and "Microsoft Entra
authentication and authorization error codes".
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.exceptions import InvalidSubjectError
from werkzeug.wrappers import Request

from dataverse_sandbox import config
from dataverse_sandbox.identity.grants import GrantRefused
from dataverse_sandbox.store import Store

_SETTING = "client_credentials"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# The header that names the certificate, with the algorithm and the hash that belong to it.
_ALGORITHMS = {"x5t#S256": ("PS256", hashes.SHA256), "x5t": ("RS256", hashes.SHA1)}
_LEEWAY_SECONDS = 300


@dataclass(frozen=True)
class Registered:
    """The credentials of an app registration: secrets with their ends (None: never), and certificates."""

    secrets: Mapping[str, datetime.datetime | None]
    certificates: tuple[x509.Certificate, ...]


def put(store: Store, body: Mapping[str, object]) -> None:
    """Replace the registered credentials: `{"secrets": {value: end or null}, "certificates": [PEM]}`.

    Raises ValueError for anything else.
    """
    if set(body) - {"secrets", "certificates"}:
        raise ValueError('The body has "secrets" and "certificates".')
    _read(body)
    store.set_setting(_SETTING, json.dumps(dict(body)))


def reset(store: Store) -> None:
    """Register the published secret only."""
    put(store, {"secrets": {config.CLIENT_SECRET: None}})


def registered(store: Store) -> Registered:
    """Return the registered credentials."""
    text = store.setting(_SETTING)
    return _read(json.loads(text)) if text else Registered({config.CLIENT_SECRET: None}, ())


def _read(body: Mapping[str, object]) -> Registered:
    secrets, certificates = body.get("secrets") or {}, body.get("certificates") or []
    if not isinstance(secrets, dict) or not isinstance(certificates, list):
        raise ValueError('"secrets" is an object, "certificates" a list.')
    ends = {
        str(value): None if end is None else datetime.datetime.fromisoformat(str(end)).astimezone(datetime.UTC)
        for value, end in secrets.items()
    }
    return Registered(ends, tuple(x509.load_pem_x509_certificate(str(pem).encode()) for pem in certificates))


def check(store: Store, request: Request, audience: str) -> None:
    """Verify the id of a confidential client and its secret or signed assertion. Raises GrantRefused."""
    client_id, secret = id_and_secret(request)
    if client_id not in (config.CLIENT_ID, config.ERP.client_id):
        message = f"Application with identifier '{client_id[:60]}' was not found in the directory."
        raise GrantRefused("unauthorized_client", 700016, message)
    known = registered(store) if client_id == config.CLIENT_ID else Registered({config.ERP.secret: None}, ())
    if request.form.get("client_assertion_type") == _ASSERTION_TYPE:
        _check_assertion(request.form.get("client_assertion", ""), known, audience)
    else:
        _check_secret(secret, known)


def _check_secret(secret: str, known: Registered) -> None:
    # All are compared, so that the time reveals nothing.
    found = [end for value, end in known.secrets.items() if hmac.compare_digest(secret.encode(), value.encode())]
    if not found:
        raise _refused(7000215, "Invalid client secret provided.")
    if found[0] is not None and found[0] < datetime.datetime.now(datetime.UTC):
        raise _refused(7000222, f"The provided client secret keys for app '{config.CLIENT_ID}' are expired.")


def _check_assertion(assertion: str, known: Registered, audience: str) -> None:
    certificate, algorithm = _signer(assertion, known)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise _refused(700027, "Client assertion failed signature validation.")
    now = datetime.datetime.now(datetime.UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _refused(1000502, "The provided certificate is not within its specified validity period.")
    try:
        jwt.decode(
            assertion,
            key=key,
            algorithms=[algorithm],
            audience=audience,
            issuer=config.CLIENT_ID,
            subject=config.CLIENT_ID,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub", "aud", "jti"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        raise _refused(700024, "Client assertion is not within its valid time range.") from None
    except jwt.InvalidAudienceError:
        raise _refused(700023, "Client assertion audience claim does not match Realm issuer.") from None
    except (jwt.InvalidIssuerError, InvalidSubjectError):
        raise _refused(700021, "Client assertion application identifier doesn't match 'client_id' parameter.") from None
    except jwt.PyJWTError:
        raise _refused(700027, "Client assertion failed signature validation.") from None


def _signer(assertion: str, known: Registered) -> tuple[x509.Certificate, str]:
    """Return the registered certificate that the assertion's header names, and its algorithm."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise _refused(50027, "JWT token is invalid or malformed.") from None
    for name, (algorithm, digest) in _ALGORITHMS.items():
        for certificate in known.certificates:
            given = str(header.get(name, "")).rstrip("=")  # MSAL pads the thumbprint
            thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(digest())).rstrip(b"=").decode()
            if given == thumbprint and header.get("alg") == algorithm:
                return certificate, algorithm
    message = "The certificate with identifier used to sign the client assertion is not registered on application."
    raise _refused(700027, f"{message} [Reason - The key was not found.]")


def id_and_secret(request: Request) -> tuple[str, str]:
    """Return client id and secret from the body or from Basic authentication."""
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith("basic "):
        return request.form.get("client_id", ""), request.form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _refused(number: int, message: str) -> GrantRefused:
    return GrantRefused("invalid_client", number, message, status=401)
