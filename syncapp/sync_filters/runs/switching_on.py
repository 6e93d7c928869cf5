"""Side effects of switching filters on: users who had switched them off themselves, and duplicated appointments."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, QuerySet

from syncapp.mirror.filters import access, sync_paths
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES


def items_switched_off_by_owners(run: FilterRun) -> QuerySet[FilterRunItem]:
    """Return the items of users for whom the run switches on a filter that they switched off themselves.

    A run that writes as the users leaves their names on the rows, too. The versions that it wrote and the impersonating
    user distinguish its writes from the users' own; after a backup has been restored, only the impersonating user is
    known.
    """
    by_owner = FilterRow.objects.filter(pk=OuterRef("filter_id"), etag=OuterRef("etag"), modified_by=F("owner_id"))
    if own_user_id := access.capabilities().own_user_id:
        by_owner = by_owner.exclude(modified_for_by=own_user_id)
    our_writes = FilterRunChange.objects.filter(
        item__user=OuterRef("item__user"), filter_id=OuterRef("filter_id"), written=True, etag_after=OuterRef("etag")
    )
    changes = FilterRunChange.objects.filter(Exists(by_owner), ~Exists(our_writes), item=OuterRef("pk"), wanted_state=0)
    return _items_switched_on(run).filter(Exists(changes))


def items_with_duplicates(run: FilterRun) -> QuerySet[FilterRunItem]:
    """Return the items of users whose appointments would arrive twice because of the run."""
    items = _items_switched_on(run)
    if not set(run.tables) & set(APPOINTMENT_TABLES):
        return items.none()
    return items.filter(user__in=sync_paths.doubled_with_filters_on(FilterUser.objects.all()))


def _items_switched_on(run: FilterRun) -> QuerySet[FilterRunItem]:
    items: QuerySet[FilterRunItem] = run.items.filter(plan__in=[Plan.CHANGE, Plan.HELD])
    return items if run.wanted_on and not run.sets_mailbox_method else items.none()
