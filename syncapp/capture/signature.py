"""Proof that this CRM signs what Outlook saves, by an edit that an administrator has just made in Outlook.

Restoring waits for this proof: if the signature meant something else, capture would undo other programs' writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from syncapp.audit import log as audit
from syncapp.capture import identities, sources
from syncapp.capture.brakes import Brake
from syncapp.capture.columns import TABLE
from syncapp.crm.audits.records import AuditEntry
from syncapp.crm.client import CrmClient
from syncapp.crm.contact_changes import ContactChange
from syncapp.models import Capture, CaptureEntry, CaptureIdentity, FilterUser, Person
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.locking import retried

# Mailboxes synchronize every 2 to 12 minutes, and entries of the audit log appear with a delay.
RECENT = timedelta(minutes=30)
_SIGNATURE_BRAKES = (Brake.SIGNATURE_GONE, Brake.SIGNERS_CHANGED)
_SIGNERS = CaptureIdentity.objects.filter(kind=CaptureIdentity.Kind.SYNCHRONIZATION)


def is_proved(capture: Capture) -> bool:
    """Return whether each signer's signature was seen on an administrator's own edit since it was last in doubt."""
    if capture.signature_seen_at is None or not _SIGNERS.exists() or _SIGNERS.filter(is_confirmed=False).exists():
        return False
    is_in_doubt = capture.mode == CaptureMode.PAUSED and capture.reason in _SIGNATURE_BRAKES
    return not is_in_doubt or capture.mode_since is None or capture.signature_seen_at > capture.mode_since


def is_in_log(capture: Capture) -> bool:
    """Return whether this CRM's audit log names signing users; if it does, an entry that names none is unsigned.

    The contact's row alone can mislead: if Outlook's entry is late, or a save in Outlook changed no value and so made
    no entry, the row's signature may seem to belong to what someone else wrote in the same second.
    """
    if capture.signature_evidence == Evidence.CALLING_USER:
        return True
    named = CaptureEntry.objects.filter(source=Source.OUTLOOK, evidence=Evidence.CALLING_USER)
    if capture.signature_seen_at is not None:
        # If a CRM has stopped naming signing users, the row alone counts once an administrator has proved it again.
        named = named.filter(happened_at__gte=capture.signature_seen_at - RECENT)
    return named.exists()


def crm_users(people: Iterable[Person]) -> list[UUID]:
    """Return these people's users in the CRM: by Entra id, or by address if the CRM has no such id."""
    matches = Q(pk__in=[])
    for person in people:
        matches |= Q(entra_id=person.oid)
        if person.address:
            matches |= Q(entra_id__isnull=True, address__iexact=person.address)
    users = FilterUser.objects.filter(matches, is_application=False)
    return list(users.values_list("pk", flat=True))


def own_edits(crm: CrmClient, users: Sequence[UUID]) -> Sequence[AuditEntry]:
    """Return the updates to contacts that these users have just made, oldest first. Raises CrmError."""
    since = datetime.now(UTC) - RECENT
    return crm.audits.entries(TABLE, since=since, users=users).rows


def signer_of(
    edits: Sequence[AuditEntry], crm: CrmClient, *, rows: Iterable[ContactChange] = ()
) -> tuple[UUID, Evidence] | None:
    """Return the signing user of the newest signed edit, and the evidence; None if none is signed. Raises CrmError.

    `rows` are the last changes to contacts, which show the signature if the audit log does not.
    """
    known = identities.known_users(crm)
    by_contact = {row.contact_id: row for row in rows}
    for edit in reversed(edits):
        row = by_contact.get(edit.row_id) if edit.row_id is not None else None
        if row is not None and not sources.belongs_to(row, edit, _moments(edit, edits)):
            row = None
        found = sources.conclude(edit, known, row=row)
        signed_by = row.signed_by if row is not None else None
        signer = edit.calling_user_id if found.evidence is Evidence.CALLING_USER else signed_by
        if found.source is Source.OUTLOOK and signer is not None:
            return signer, found.evidence
    return None


def _moments(edit: AuditEntry, edits: Sequence[AuditEntry]) -> list[datetime]:
    """Return the times of all known entries of an edit's contact."""
    moments = [each.created_on for each in edits if each.row_id == edit.row_id and each.created_on]
    if edit.row_id is None:
        return moments
    others = CaptureEntry.objects.filter(contact_id=edit.row_id).exclude(pk__in=[each.id for each in edits])
    return [*moments, *others.values_list("happened_at", flat=True)]


@retried
def store(signer: UUID, *, by: Person | None, evidence: Evidence) -> None:
    """Record that this user's signature was seen on an administrator's own edit; a user not on our list is ignored.

    `by` is the person who had the connection checked, or None if the command did.
    """
    confirmed = _SIGNERS.filter(pk=signer).update(is_confirmed=True, seen_at=Now())
    seen = {"signature_seen_at": Now(), "signature_evidence": evidence}
    if confirmed and Capture.objects.filter(slot=1).update(**seen):
        channel = "settings" if by is not None else "command"
        audit.record("capture.signature", by=by, channel=channel, details={"evidence": evidence})
