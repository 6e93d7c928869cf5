"""Why a proposal is rejected: the codes that administrators offer, and their words."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp import preferences
from syncapp.models.preferences import STANDARD_REASONS
from syncapp.preferences import KEPT_CRM_VALUE, OTHER

MAX_LENGTH = 500


def options() -> Mapping[str, str]:
    """Code → words, in the order in which they are offered."""
    return {reason.code: reason.words for reason in preferences.read().reasons}


def is_required() -> bool:
    """Whether rejecting asks for a reason."""
    return preferences.read().reason_required


def describe(code: str, text: str) -> str:
    """The reason as a person reads it: the code's word, the sentence, or both.

    A code that is no longer offered keeps the words of a new installation, or shows itself.
    """
    known = {KEPT_CRM_VALUE: "CRM’s value kept", **dict(STANDARD_REASONS), **options()}.get(code, code)
    if code == OTHER and text:
        return text
    return ": ".join(filter(None, [known, text]))
