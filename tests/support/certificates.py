"""Client certificates, as an administrator makes them for the app registration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate with its key, as PEM."""

    without_key: str
    key: str

    @property
    def pem(self) -> str:
        return self.without_key + self.key


@cache
def certificate(*, days: int = 365, passphrase: str = "", name: str = "outlook-sync") -> ClientCertificate:
    """Return a certificate that ends in `days`."""
    key, now = _key(), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return ClientCertificate(made.public_bytes(Encoding.PEM).decode(), _pem(key, passphrase))


@cache
def other_key() -> str:
    """Return a key that belongs to no certificate."""
    return _pem(rsa.generate_private_key(public_exponent=65_537, key_size=2_048), "")


def _pem(key: rsa.RSAPrivateKey, passphrase: str) -> str:
    hidden: KeySerializationEncryption = NoEncryption()
    if passphrase:
        hidden = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def day_of_end(pem: str) -> str:
    """Return the day on which the certificate of a PEM text ends, as the pages write it."""
    block = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", pem, re.DOTALL)
    assert block is not None
    return f"{x509.load_pem_x509_certificate(block[0].encode()).not_valid_after_utc:%-d %B %Y}"
