"""Results of a run: counts by outcome, every user's row, and the users whose filters a later read found off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import WRITTEN, Outcome

_CHUNK = 500


def count_filters_by_outcome(run: FilterRun) -> dict[str, int]:
    """Count the run's filters by their users' outcome."""
    changes = FilterRunChange.objects.filter(item__run=run).order_by().values_list("item__outcome")
    return dict(changes.annotate(filters=Count("pk")))


def iterate_items(run: FilterRun) -> Iterator[FilterRunItem]:
    """Yield every item of the run in order, with its changes, read a few hundred at a time."""
    after = 0
    while True:
        # Items are inserted in the list's order, so ordering by key is enough, and the index ends with the key.
        items = run.items.filter(pk__gt=after).select_related("user").prefetch_related("changes")
        page = list(items.order_by("pk")[:_CHUNK])
        if not page:
            return
        yield from page
        after = page[-1].pk


def verified_users(run: FilterRun) -> QuerySet[FilterUser]:
    """Return the run's users whose filters for its tables were all off when read after the list was made.

    They are sorted by name. For a run that sets the mailbox method, return the users whose mailbox was read with that
    method. Users who switched back are not included.
    """
    finished_items = run.items.filter(outcome__in=[*WRITTEN, Outcome.ALREADY])
    users = FilterUser.objects.filter(pk__in=finished_items.values("user")).order_by("name_key", "id")
    if run.sets_mailbox_method:
        return users.filter(method=run.wanted_method, mailbox_read_at__gte=run.frozen_at)
    active_filters = FilterRow.objects.for_outlook().filter(owner_id=OuterRef("pk"), table__in=run.tables, state=0)
    return users.filter(~Exists(active_filters), filters_read_at__gte=run.frozen_at)


def can_be_verified(run: FilterRun) -> bool:
    """Return whether the run ends synchronization for its users; if so, another product may take over."""
    return run.wanted_method == SyncMethod.NONE if run.sets_mailbox_method else not run.wanted_on


def count_unread(run: FilterRun) -> int:
    """Count users who were already off and have not been read since; the next inventory verifies them."""
    read_at = "user__mailbox_read_at" if run.sets_mailbox_method else "user__filters_read_at"
    older: dict[str, Any] = {f"{read_at}__lt": F("run__frozen_at")}
    return run.items.filter(outcome=Outcome.ALREADY, **older).count()
