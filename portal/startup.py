"""The system checks at the start of processes that serve or work; management commands run them by themselves."""

from __future__ import annotations

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured


def require_right_configuration() -> None:
    """Raise ImproperlyConfigured, with the words of every check that finds an error."""
    if found := [str(message) for message in run_checks() if message.level >= ERROR]:
        raise ImproperlyConfigured("\n".join(found))
