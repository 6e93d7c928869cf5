"""Which way to others' filters works with this CRM, found by trying and kept (crm/filters/access.py says why)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.access import probe_reading, probe_writing
from syncapp.crm.filters.records import ReadingProbe
from syncapp.models import FilterGround, FilterRow, FilterUser
from syncapp.models.sync_filters.filter import Access

_MOST_ASKED = 5


def ground() -> FilterGround:
    """What is known of this CRM; nothing yet before the first inventory."""
    return FilterGround.objects.filter(slot=1).first() or FilterGround(slot=1)


def find_reading(crm: CrmClient) -> Access:
    """Ask a few users' filters by both ways until one answer decides; kept where one does. Raises CrmError."""
    found = Access.UNKNOWN
    for user in _candidates():
        found = _judged(probe_reading(crm, user.acting))
        if found is not Access.UNKNOWN:
            break
    if found is not Access.UNKNOWN:
        FilterGround.objects.filter(slot=1).update(reading=found, reading_probed_at=timezone.now())
    return found


def _judged(probe: ReadingProbe) -> Access:
    if probe.direct_works:
        return Access.DIRECT
    if probe.acting_works:
        return Access.ACTING
    return Access.NONE if probe.direct_works is False and probe.acting_works is False else Access.UNKNOWN


def _candidates() -> Iterator[FilterUser]:
    with_roles = FilterUser.objects.people().filter(is_disabled=False, has_own_roles=True)
    yield from with_roles.filter(mailbox_id__isnull=False).order_by("name_key", "pk")[:_MOST_ASKED]


def find_writing(crm: CrmClient) -> UUID | None:
    """Write one filter with the state that it has, directly and else in its owner's name; what works is kept.

    Returns the owner whose filter it was, None where nobody's could tell. Raises CrmError.
    """
    for row in _harmless():
        found = _written(crm, row)
        if found is not Access.UNKNOWN:
            FilterGround.objects.filter(slot=1).update(writing=found, writing_probed_at=timezone.now())
            return row.owner_id
    return None


def needs_probe_of_writing() -> bool:
    """Whether no way is known, none worked the last time, or the way of reading no longer fits the way of writing."""
    known = ground()
    if known.writing in (Access.UNKNOWN, Access.NONE):
        return True
    return known.reading == Access.ACTING and known.writing == Access.DIRECT


def note_proof() -> None:
    """A write was read back as wanted, by whom it was meant to be: the way works; noted once a minute at most."""
    old = timezone.now() - timedelta(minutes=1)
    FilterGround.objects.filter(slot=1, writing_probed_at__lt=old).update(writing_probed_at=timezone.now())


def distrust_writing() -> None:
    """A write was not what it was meant to be: the next inventory tries again which way works."""
    FilterGround.objects.filter(slot=1).update(writing=Access.UNKNOWN)


def find_other_way(crm: CrmClient, *, refused: Access) -> bool:
    """Probe both ways again after one refused everybody; return whether another way works now. Raises CrmError.

    Where no way worked before, the next inventory probes, not every refusal.
    """
    if ground().writing in (refused, Access.UNKNOWN):
        distrust_writing()
        find_reading(crm)
        find_writing(crm)
    known = ground()
    return (known.writing or known.reading) not in (refused, Access.NONE, Access.UNKNOWN)


def _harmless() -> Iterator[FilterRow]:
    usable = FilterUser.objects.people().filter(has_own_roles=True, is_disabled=False)
    rows = FilterRow.objects.for_outlook().filter(owner_id__in=usable.values("pk"))
    yield from rows.order_by("owner_id", "pk")[:_MOST_ASKED]


def _written(crm: CrmClient, row: FilterRow) -> Access:
    known, owner = ground(), FilterUser.objects.get(pk=row.owner_id)
    own = known.own_user_id or crm.who_am_i().user_id
    acting = owner.acting if known.reading == Access.ACTING else None
    try:
        now = crm.filters.of(row.owner_id, acting_for=acting)
    except CrmError as error:
        if error.transient:
            raise
        return Access.UNKNOWN
    found = next((each for each in now if each.id == row.pk), None)
    if found is None:
        return Access.UNKNOWN
    if probe_writing(crm, found, expected_author=own, keeps_versions=False).works:
        return Access.DIRECT
    in_his_name = probe_writing(crm, found, expected_author=owner.pk, acting_for=owner.acting, keeps_versions=False)
    return Access.ACTING if in_his_name.works else Access.NONE
