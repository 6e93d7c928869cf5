"""Reasons for rejecting a proposal: the codes that administrators offer, and their wording."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp import preferences
from syncapp.models.preferences import STANDARD_REASONS
from syncapp.preferences import KEPT_CRM_VALUE, OTHER

MAX_LENGTH = 500


def options() -> Mapping[str, str]:
    """Return the wording by code, in the order of the settings."""
    return {reason.code: reason.words for reason in preferences.read().reasons}


def is_required() -> bool:
    """Return whether rejecting requires a reason."""
    return preferences.read().reason_required


def describe(code: str, text: str) -> str:
    """Describe the reason for people: the code's wording, the sentence, or both.

    A code that is no longer offered keeps its standard wording, or is shown as it is.
    """
    known = {KEPT_CRM_VALUE: "CRM’s value kept", **dict(STANDARD_REASONS), **options()}.get(code, code)
    if code == OTHER and text:
        return text
    return ": ".join(filter(None, [known, text]))
