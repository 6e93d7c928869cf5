"""The RSA key that signs ID tokens: created on first use, kept in the data file."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dataverse_sandbox.store import Store

_SETTING = "signing_key"
_MAKING = threading.Lock()


@dataclass(frozen=True)
class SigningKey:
    private: rsa.RSAPrivateKey
    key_id: str

    def public_jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }


def signing_key(store: Store) -> SigningKey:
    """Return this sandbox's key, created at the first sign-in because that takes about 0.1 s."""
    with _MAKING:
        pem = store.setting(_SETTING) or _make(store)
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("the stored signing key is not an RSA key")
    return SigningKey(private, hashlib.sha256(pem.encode()).hexdigest()[:24])


def renew(store: Store) -> SigningKey:
    """Replace the key, as Entra does when it rolls over its keys."""
    with _MAKING:
        _make(store)
    return signing_key(store)


def _make(store: Store) -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    store.set_setting(_SETTING, pem)
    return pem


def _number(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
