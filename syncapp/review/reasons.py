"""Why a proposal is rejected: the codes that are stored, and their words."""

from __future__ import annotations

REASONS = {
    "not_correct": "Not correct",
    "other_contact": "Belongs to another contact",
    "crm_only": "Kept in CRM only",
    "other": "Other",
}
KEPT = "kept_crm"  # the answer to a conflict, not offered as a reason
_WORDS = REASONS | {KEPT: "CRM’s value kept"}
MOST_CHARACTERS = 500


def words(code: str, text: str) -> str:
    """The reason as a person reads it: the code's word, the sentence, or both."""
    known = _WORDS.get(code, "")
    if code == "other" and text:
        return text
    return ": ".join(filter(None, [known, text]))
