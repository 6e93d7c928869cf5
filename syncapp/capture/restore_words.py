"""Sentences that explain why an original was not restored, one for each code of `Restore.reason`."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp.capture.chain_records import Outcome

KEEPS_SENDING = "Outlook keeps sending this"

SENTENCES: Mapping[str, str] = {
    Outcome.ORIGINAL: "Not restored: the CRM already held the original again.",
    Outcome.OVERWRITTEN: "Not restored: the field was changed again in the CRM after this edit.",
    Outcome.OTHERS_VALUE: "Not restored: the CRM held another value, written by a person or program in the meantime.",
    Outcome.GAP: "Not restored: an entry is missing in the CRM’s audit log, so the original is not certain.",
    Outcome.ENDED: "Not restored: the contact was assigned, merged, activated or deactivated after this edit.",
    Outcome.UNKNOWN_ORIGINAL: "Not restored: the original is not known, because the CRM’s audit log lacks it.",
    Outcome.UNKNOWN_VALUE: "Not restored: the audit log does not hold the whole new value to compare with the CRM’s.",
    Outcome.TOO_LATE: "Not restored: it had been in the CRM for more than 15 minutes when the portal found it.",
    Outcome.NOT_ALLOWED: "Not restored: restoring was not switched on when the edit was made.",
    Outcome.HELD: f"{KEEPS_SENDING}: it was restored 3 times within 24 hours, so now it stays in the CRM.",
    Outcome.INACTIVE: "Not restored: the contact is inactive in the CRM.",
    Outcome.MERGED: "Not restored: the contact was merged into another one.",
    Outcome.UNREADABLE: "Not restored: the portal cannot read the CRM’s value of this field.",
    Outcome.REFUSED: "Not restored: the CRM refused it.",
    "refused_400": "Not restored: the CRM refused the original value.",
    "refused_403": "Not restored: the portal lacks the privilege to write this contact.",
    "refused_404": "Not restored: the CRM no longer has the row that the original refers to.",
    "refused_412": "Not restored: the contact kept changing in the CRM.",
}


def why_not_restored(code: str, *, crm_answer: str = "") -> str:
    """Return the sentence for a code; `crm_answer` is the CRM's message if it refused."""
    known = SENTENCES.get(code, SENTENCES[Outcome.REFUSED] if code.startswith("refused") else "")
    sentence = known or f"Not restored, for a reason that this release does not know ({code})."
    return f"{sentence} The CRM’s answer: {crm_answer}" if crm_answer else sentence
