"""The check on which restoring depends: whether the synchronization signs an edit just made in Outlook."""

from __future__ import annotations

from django.conf import settings

from syncapp.capture import identities, signature
from syncapp.capture.rhythm import AUDIT
from syncapp.models import Capture, Person
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import CAPTURE, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.synchronization import GROUP

_MINUTES = signature.RECENT.seconds // 60
_REQUIREMENT = (
    "Capture restores nothing until the signature has been seen on an edit that an administrator made in Outlook."
)
_EDIT = "Change a contact in Outlook, wait until the CRM shows it (up to 12 minutes), then check again."


def own_edit(context: Context) -> Answer:
    """Look for an edit that an administrator has just made, and store its signing user."""
    capture = Capture.objects.filter(slot=1).first()
    if capture is None or capture.mode == CaptureMode.OFF or settings.CAPTURE != AUDIT:
        remedy = "To capture edits from the audit log, set CAPTURE=audit and restart the workers."
        return not_asked("not checked: capture is off", _REQUIREMENT, remedy)
    identities.find_sync_user(context.crm)
    administrators = Person.objects.filter(is_active=True, **{ROLE_COLUMNS[Role.ADMINISTRATOR]: True})
    users = signature.crm_users([context.checked_by] if context.checked_by is not None else list(administrators))
    if not users:
        meaning = "An administrator’s edit is recognized by their user in the CRM, found by Entra ID or mail address."
        remedy = "Once the users have been read, an administrator who is a user of this CRM has to run the check."
        return not_asked("no administrator is a known CRM user", meaning, remedy)
    edits = signature.own_edits(context.crm, users)
    found = signature.signer_of(edits, context.crm, rows=context.latest_changes()) if edits else None
    if found is not None:
        signer, evidence = found
        signature.store(signer, by=context.checked_by, evidence=evidence)
        label = evidence.label[:1].lower() + evidence.label[1:]
        return ok(f"seen: {label}", "Outlook edits can be distinguished from all others, so they can be restored.")
    if edits:
        meaning = f"They were made in a form, or this CRM does not sign edits from Outlook. {_REQUIREMENT}"
        return Answer(Level.WARNING, f"{len(edits)} edits in {_MINUTES} minutes, none signed", meaning, _EDIT)
    if signature.is_proved(capture):
        return ok("seen before", "Outlook edits can be distinguished from all others, so they can be restored.")
    return not_asked(f"no edit in the last {_MINUTES} minutes", _REQUIREMENT, _EDIT, tried="")


CHECKS = (
    Check(
        "signature-on-own-edit",
        "Signature on your own edit",
        GROUP,
        f"Looked for an administrator’s edits of the last {_MINUTES} minutes",
        own_edit,
        (CAPTURE,),
    ),
)
