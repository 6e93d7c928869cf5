"""The kind of access to other users' filters that this CRM allows, probed and stored (see crm/filters/access.py)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden
from syncapp.crm.filters.access import probe_reading, probe_writing
from syncapp.models import FilterAccess, FilterRow, FilterUser
from syncapp.models.sync_filters.filter import Access

_PROBE_LIMIT = 5


def capabilities() -> FilterAccess:
    """Return what is known about access in this CRM; an unsaved, empty row before the first inventory."""
    return FilterAccess.objects.filter(slot=1).first() or FilterAccess(slot=1)


def find_reading_access(crm: CrmClient) -> Access:
    """Probe reading with a few users until one answer is conclusive, and store it. Raises CrmError."""
    with_roles = FilterUser.objects.people().filter(is_disabled=False, has_own_roles=True)
    for user in with_roles.filter(mailbox_id__isnull=False).order_by("name_key", "pk")[:_PROBE_LIMIT]:
        probe = probe_reading(crm, user.acting)
        if probe.direct_works:
            found = Access.DIRECT
        elif probe.acting_works:
            found = Access.ACTING
        elif probe.direct_works is False and probe.acting_works is False:
            error = probe.direct_error
            if error is not None and error.is_refusal and not isinstance(error, Forbidden):
                raise error  # a table or a column is unknown, which says nothing about access
            found = Access.NONE
        else:
            continue
        FilterAccess.objects.filter(slot=1).update(reading=found, reading_probed_at=timezone.now())
        return found
    return Access.UNKNOWN


def find_writing_access(crm: CrmClient) -> UUID | None:
    """Write one filter's current state back, directly or else as its owner, and store which of the two works, if any.

    Return the owner of that filter, or None if no filter gave a conclusive answer. Raises CrmError.
    """
    usable = FilterUser.objects.people().filter(has_own_roles=True, is_disabled=False)
    rows = FilterRow.objects.for_outlook().filter(owner_id__in=usable.values("pk"))
    for row in rows.order_by("owner_id", "pk")[:_PROBE_LIMIT]:
        known, owner = capabilities(), FilterUser.objects.get(pk=row.owner_id)
        own = known.own_user_id or crm.who_am_i().user_id
        try:
            live = crm.filters.of(owner.pk, acting_for=owner.acting if known.reading == Access.ACTING else None)
        except CrmError as error:
            if error.is_transient:
                raise
            continue
        present = next((each for each in live if each.id == row.pk), None)
        if present is None:
            continue
        if probe_writing(crm, present, expected_author=own, keeps_versions=False).works:
            found = Access.DIRECT
        else:
            acting = owner.acting
            probe = probe_writing(crm, present, expected_author=owner.pk, acting_for=acting, keeps_versions=False)
            found = Access.ACTING if probe.works else Access.NONE
        FilterAccess.objects.filter(slot=1).update(writing=found, writing_probed_at=timezone.now())
        return owner.pk
    return None


def needs_writing_probe() -> bool:
    """Return whether writing access is unknown, did not work, or no longer fits how filters are read."""
    known = capabilities()
    if known.writing in (Access.UNKNOWN, Access.NONE):
        return True
    return known.reading == Access.ACTING and known.writing == Access.DIRECT


def confirm_writing_works() -> None:
    """Record, at most once a minute, that a write was read back with the expected value and author."""
    old = timezone.now() - timedelta(minutes=1)
    FilterAccess.objects.filter(slot=1, writing_probed_at__lt=old).update(writing_probed_at=timezone.now())


def reset_writing() -> None:
    """Forget which access works for writing, so that the next inventory probes it again."""
    FilterAccess.objects.filter(slot=1).update(writing=Access.UNKNOWN)


def find_other_access(crm: CrmClient, *, refused: Access) -> bool:
    """Probe again after one kind of access was refused for all users; return whether another kind works now.

    If no access worked before, the next inventory probes, rather than each refusal. Raises CrmError.
    """
    if capabilities().writing in (refused, Access.UNKNOWN):
        reset_writing()
        find_reading_access(crm)
        find_writing_access(crm)
    known = capabilities()
    return (known.writing or known.reading) not in (refused, Access.NONE, Access.UNKNOWN)
