"""What came out of a run: users and filters in each class, every user's line, and whom a reading proves to be off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import WRITTEN, Outcome

_CHUNK = 500


def filters_by_outcome(run: FilterRun) -> dict[str, int]:
    """How many filters the users of each class have in this run."""
    changes = FilterRunChange.objects.filter(item__run=run).order_by().values_list("item__outcome")
    return dict(changes.annotate(filters=Count("pk")))


def lines(run: FilterRun) -> Iterator[FilterRunItem]:
    """Every user of the run in its order, with his changes, a few hundred at a time."""
    after = 0
    while True:
        # Frozen in the list's order, so the keys are in that order too, and the key is what the index ends with.
        items = run.items.filter(pk__gt=after).select_related("user").prefetch_related("changes")
        page = list(items.order_by("pk")[:_CHUNK])
        if not page:
            return
        yield from page
        after = page[-1].pk


def verified(run: FilterRun) -> QuerySet[FilterUser]:
    """Users of the run whom a reading since it was frozen shows without it: every filter of its tables off, by name.

    For a run of mailboxes: whose method is None. Who was switched on again since is not among them.
    """
    ended = run.items.filter(outcome__in=[*WRITTEN, Outcome.ALREADY])
    users = FilterUser.objects.filter(pk__in=ended.values("user")).order_by("name_key", "id")
    if run.moves_mailboxes:
        return users.filter(method=run.wanted_method, mailbox_read_at__gte=run.frozen_at)
    on = FilterRow.objects.for_outlook().filter(owner_id=OuterRef("pk"), table__in=run.tables, state=0)
    return users.filter(~Exists(on), filters_read_at__gte=run.frozen_at)


def can_be_verified(run: FilterRun) -> bool:
    """Whether the run was to end something for its users, so that another product may begin."""
    return run.wanted_method == SyncMethod.NONE if run.moves_mailboxes else not run.wanted_on


def unread(run: FilterRun) -> int:
    """How many were off before and were not read since: they join the list with the next reading."""
    read_at = "user__mailbox_read_at" if run.moves_mailboxes else "user__filters_read_at"
    older: dict[str, Any] = {f"{read_at}__lt": F("run__frozen_at")}
    return run.items.filter(outcome=Outcome.ALREADY, **older).count()
