"""Client credentials: secrets, and certificates with their keys. Several may be set, so that one can be replaced.

Source: "Microsoft identity platform application authentication certificate credentials".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from syncapp.crm.auth.authority import Application, error_code_of
from syncapp.crm.sessions import PerProcess

log = logging.getLogger(__name__)

_MIN_KEY_BITS = 2048
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
# The error code for a secret or certificate that is unknown, invalid or expired (RFC 6749, 5.2).
_REFUSED = "invalid_client"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as PEM, and its private key as PEM without a passphrase."""

    pem: str
    key: str = field(repr=False)
    thumbprint: str  # SHA-1 in hexadecimal, as Entra lists it
    ends_at: datetime


Credential = str | Certificate  # a str is a client secret


@lru_cache(maxsize=8)
def read_certificate(text: str, passphrase: str = "") -> Certificate:
    """Return the certificate and its key from a PEM text with both. Raises ValueError with the reason as a sentence."""
    certificates, key = _blocks(text.replace("\\n", "\n"), passphrase)
    matching = [each for each in certificates if each.public_key() == key.public_key()]
    if not matching:
        raise ValueError("The private key does not belong to the certificate.")
    return Certificate(
        pem=matching[0].public_bytes(Encoding.PEM).decode(),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        thumbprint=matching[0].fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the name that Entra shows
        ends_at=matching[0].not_valid_after_utc,
    )


def _blocks(text: str, passphrase: str) -> tuple[list[x509.Certificate], rsa.RSAPrivateKey]:
    found = [(match[1], match[0].encode()) for match in _BLOCK.finditer(text)]
    keys = [block for label, block in found if label.endswith("PRIVATE KEY")]
    if not keys:
        raise ValueError("It holds no private key (-----BEGIN PRIVATE KEY-----).")
    try:
        certificates = [x509.load_pem_x509_certificate(block) for label, block in found if label == "CERTIFICATE"]
        is_encrypted = b"ENCRYPTED" in keys[0]
        key = load_pem_private_key(keys[0], passphrase.encode() if is_encrypted and passphrase else None)
    except TypeError:
        raise ValueError("Its private key needs a passphrase (CRM_CLIENT_CERTIFICATE_PASSPHRASE).") from None
    except ValueError:
        raise ValueError("It cannot be read: the passphrase may be wrong, or it is not PEM.") from None
    if not certificates:
        raise ValueError("It holds no certificate (-----BEGIN CERTIFICATE-----).")
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _MIN_KEY_BITS:
        raise ValueError(f"Its key must be an RSA key of at least {_MIN_KEY_BITS} bits.")
    return certificates, key


def read(*, certificates: Sequence[str], passphrase: str, secrets: Sequence[str]) -> tuple[Credential, ...]:
    """Return the credentials that are set, certificates first. Raises ValueError for an invalid certificate."""
    found = [read_certificate(text, passphrase) for text in certificates if text]
    return (*found, *dict.fromkeys(filter(None, secrets)))


def for_msal(credential: Credential) -> str | dict[str, str]:
    """Return the credential as MSAL expects it; MSAL computes the certificate's thumbprint itself."""
    if isinstance(credential, str):
        return credential
    return {"private_key": credential.key, "public_certificate": credential.pem}


class Applications:
    """An MSAL application for each credential; the one that was accepted last is tried first."""

    def __init__(self, make: Callable[[Any], Application], credentials: Sequence[Credential]) -> None:
        self._held = [PerProcess[Application](partial(make, for_msal(each))) for each in credentials]
        self._current = 0

    @property
    def current(self) -> Application:
        """Return the application whose credential was accepted last, or the first. Raises TokenUnavailable."""
        return self._held[self._current].get()

    def call(self, request: Callable[[Application], Mapping[str, Any] | None]) -> dict[str, Any]:
        """Return the answer for the first credential that is not refused, or the last refusal.

        Raises TokenUnavailable, and the exceptions of MSAL.
        """
        result: dict[str, Any] = {}
        for step in range(len(self._held)):
            position = (self._current + step) % len(self._held)
            result = dict(request(self._held[position].get()) or {})
            if error_code_of(result) != _REFUSED:
                self._current = position
                return result
            # MSAL repeats a cached refusal for a minute; a new application asks the service again.
            self._held[position].drop()
            if len(self._held) > 1:
                log.warning("credential %d of %d was refused by the sign-in service", position + 1, len(self._held))
        return result

    def drop(self) -> None:
        """Discard all applications; the next call creates new ones."""
        for held in self._held:
            held.drop()
