"""The portal's client credentials from the settings, and their expiry dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.conf import settings

from syncapp.crm.auth import credentials
from syncapp.crm.auth.credentials import Credential

CERTIFICATES = ("CRM_CLIENT_CERTIFICATE", "CRM_CLIENT_CERTIFICATE_2")
SECRETS = ("CRM_CLIENT_SECRET", "CRM_CLIENT_SECRET_2")
SIGN_IN_SECRET = "SIGN_IN_CLIENT_SECRET"  # noqa: S105 - the name of a setting
WARN_AT_DAYS = (30, 14, 3)


@dataclass(frozen=True, slots=True)
class Expiry:
    """The expiry of a credential. `ends_on` is None while a secret's date is not set.

    `thumbprint` is the certificate's, '' for a secret.
    """

    setting: str
    ends_on: date | None
    thumbprint: str = ""

    @property
    def title(self) -> str:
        return f"The {'certificate' if self.thumbprint else 'client secret'} {self.setting}"

    @property
    def days_left(self) -> int | None:
        """Return the days until it expires, negative afterwards."""
        return None if self.ends_on is None else (self.ends_on - datetime.now(UTC).date()).days

    @property
    def step(self) -> int | None:
        """Return the warning step that has been reached, in days before expiry; None before the first."""
        days = self.days_left
        return None if days is None else min((step for step in WARN_AT_DAYS if days <= step), default=None)

    @property
    def sentence(self) -> str:
        """Return when it expires, as a sentence."""
        days = self.days_left
        if self.ends_on is None or days is None:
            return f"The expiration date of {self.setting} is unknown. Set {self.setting}_ENDS."
        day = f"{self.ends_on:%-d %B %Y}"
        if days < 0:
            return f"{self.title} expired on {day}."
        left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
        return f"{self.title} expires {left}, on {day}."


def of_crm() -> tuple[Credential, ...]:
    """Return the credentials for the CRM, in the order of use. Raises ValueError for an invalid certificate."""
    return credentials.read(
        certificates=[getattr(settings, name) for name in CERTIFICATES],
        passphrase=settings.CRM_CLIENT_CERTIFICATE_PASSPHRASE,
        secrets=[getattr(settings, name) for name in SECRETS],
    )


def of_sign_in() -> tuple[Credential, ...]:
    """Return the credentials for people's sign-in: its own secret, or else the CRM's credentials. Raises ValueError."""
    return (settings.SIGN_IN_CLIENT_SECRET,) if sign_in_has_own_secret() else of_crm()


def sign_in_has_own_secret() -> bool:
    """Return whether the sign-in has its own secret."""
    return settings.SIGN_IN_CLIENT_SECRET not in ("", settings.CRM_CLIENT_SECRET)


def expiries() -> list[Expiry]:
    """Return when each configured credential expires. Raises ValueError for an invalid certificate."""
    found = []
    for name in CERTIFICATES:
        if text := getattr(settings, name):
            certificate = credentials.read_certificate(text, settings.CRM_CLIENT_CERTIFICATE_PASSPHRASE)
            found.append(Expiry(name, certificate.ends_at.date(), certificate.thumbprint))
    secrets = [*SECRETS, *([SIGN_IN_SECRET] if sign_in_has_own_secret() else [])]
    return found + [Expiry(name, getattr(settings, f"{name}_ENDS")) for name in secrets if getattr(settings, name)]
