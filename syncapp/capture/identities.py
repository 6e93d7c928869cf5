"""The CRM users that sign what Outlook saves, and those of other programs."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from syncapp.capture import brakes
from syncapp.capture.brakes import Brake, BrakeFinding
from syncapp.capture.sources import KnownUsers
from syncapp.crm.client import CrmClient
from syncapp.models import CaptureIdentity, FilterUser, Person
from syncapp.models.locking import retried

Kind = CaptureIdentity.Kind


def known_users(crm: CrmClient) -> KnownUsers:
    """Return the users that matter to capture. Raises CrmError."""
    by_kind = list(CaptureIdentity.objects.values_list("user_id", "kind"))
    applications = FilterUser.objects.filter(is_application=True).values_list("pk", flat=True)
    return KnownUsers(
        own=crm.own_user_id(),
        signers=frozenset(user for user, kind in by_kind if kind == Kind.SYNCHRONIZATION),
        programs=frozenset(user for user, kind in by_kind if kind == Kind.PROGRAM) | frozenset(applications),
    )


def find_sync_user(crm: CrmClient) -> bool:
    """Find the user named in CRM_SYNC_USER, unless it is known; return whether it is known now. Raises CrmError.

    If several users have this name, store none, because it is not known which of them signs. A newly found user pauses
    capture until its signature has been seen on an administrator's own edit (signature.py). Users found under an
    earlier value of CRM_SYNC_USER are deleted unless they were seen to sign.
    """
    found_before = CaptureIdentity.objects.filter(kind=Kind.SYNCHRONIZATION, is_confirmed=False, added_by=None)
    found_before.exclude(name=settings.CRM_SYNC_USER).delete()
    if CaptureIdentity.objects.filter(kind=Kind.SYNCHRONIZATION, name=settings.CRM_SYNC_USER).exists():
        return True
    found = crm.accounts.ids_by_name(settings.CRM_SYNC_USER)
    if len(found) != 1:
        return False
    account = crm.accounts.account(found[0])
    store_signer(account.id, account.name, application_id=account.application_id)
    return True


@retried
def store_signer(
    user_id: UUID, name: str, *, application_id: UUID | None = None, added_by: Person | None = None
) -> tuple[CaptureIdentity, bool]:
    """Store a signing user and pause capture, unless the user is known; return the identity, and whether it is new.

    Both happen in one transaction, so that capture never relies on the signature of a user who was not seen to sign.
    """
    values = {"name": name[:400], "application_id": application_id, "added_by": added_by}
    row, is_new = CaptureIdentity.objects.get_or_create(user_id=user_id, defaults=values)
    if is_new:
        figures = f"{str(row)[:200]} is a new signing user whose signature has not been seen yet"
        brakes.pause(BrakeFinding(Brake.SIGNERS_CHANGED, figures))
    return row, is_new


def note_signature(user_ids: set[UUID]) -> None:
    """Record that these users have just signed a change."""
    CaptureIdentity.objects.filter(user_id__in=user_ids).update(seen_at=Now())
