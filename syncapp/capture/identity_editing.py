"""Editing of the list of signing users and programs by administrators.

Signing users determine what counts as an Outlook edit, so adding or removing one pauses capture. Resuming waits until
the signature has been seen on an administrator's own edit (signature.py).
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.capture import brakes, identities
from syncapp.capture.brakes import Brake, BrakeFinding
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.switching import locked_capture, record
from syncapp.models import CaptureIdentity, CaptureSource, FilterUser, Person
from syncapp.models.capture.entry import Source
from syncapp.models.folding import by_name, has_words, words_of
from syncapp.models.locking import retried
from syncapp.text.ids import parse_uuid

MAX_FOUND = 20
Kind = CaptureIdentity.Kind


def all_identities() -> list[CaptureIdentity]:
    """Return all signing users and programs, signing users first, each kind sorted by name."""
    rows = by_name(CaptureIdentity.objects.select_related("added_by"))
    return sorted(rows, key=lambda row: row.kind != Kind.SYNCHRONIZATION)


def is_named_by_setting(identity: CaptureIdentity) -> bool:
    """Return whether this user was found by the name in CRM_SYNC_USER, so it would be found and added again."""
    is_found = identity.kind == Kind.SYNCHRONIZATION and identity.added_by_id is None
    return is_found and identity.name == settings.CRM_SYNC_USER


def find_users(text: str) -> list[FilterUser]:
    """Search the CRM's users and applications by words of the name or by id; return at most one more than is shown."""
    words, user_id = words_of(text), parse_uuid(text)
    if not words:
        return []
    users = FilterUser.objects.filter(has_words(words) | Q(pk=user_id) if user_id else has_words(words))
    return list(users.order_by("name_key", "id")[: MAX_FOUND + 1])


@retried
def add(user_id: UUID, kind: Kind, *, by: Person) -> CaptureIdentity:
    """Add a CRM user to the list. Adding a signing user pauses capture. Raises SwitchRefused."""
    locked_capture()
    user = FilterUser.objects.filter(pk=user_id).first()
    if user is None:
        raise SwitchRefused("The CRM no longer has this user. Search again.")
    if kind == Kind.SYNCHRONIZATION:
        identity, is_new = identities.store_signer(user.pk, user.name, added_by=by)
    elif user.name == settings.CRM_SYNC_USER:
        raise SwitchRefused(
            f"{user.name} is the signing user named in CRM_SYNC_USER, so it cannot be listed as a program."
        )
    else:
        values = {"kind": kind, "name": user.name, "added_by": by}
        identity, is_new = CaptureIdentity.objects.get_or_create(user_id=user.pk, defaults=values)
    if not is_new:
        raise SwitchRefused(f"{identity} is already listed.")
    record("identity_added", by=by, kind=kind, user=str(user.pk))
    return identity


@retried
def remove(user_id: UUID, *, by: Person) -> CaptureIdentity:
    """Remove a user from the list. Removing a signing user pauses capture. Raises SwitchRefused."""
    locked_capture()
    identity = CaptureIdentity.objects.filter(pk=user_id).first()
    if identity is None:
        raise SwitchRefused("This user is no longer listed. Reload the page.")
    if is_named_by_setting(identity):
        raise SwitchRefused(f"CRM_SYNC_USER names {identity}. Change the setting and restart the workers first.")
    CaptureIdentity.objects.filter(pk=user_id).delete()
    if identity.kind == Kind.SYNCHRONIZATION:
        brakes.pause(BrakeFinding(Brake.SIGNERS_CHANGED, f"{str(identity)[:200]} no longer counts as a signing user"))
    else:
        # Under the original rule, this program's changes count as Outlook edits again, but only later ones.
        sources = CaptureSource.objects.filter(pk__in=(Source.PROGRAM, Source.UNKNOWN), is_on=True)
        sources.update(since=Now())
    record("identity_removed", by=by, kind=identity.kind, user=str(user_id))
    return identity
