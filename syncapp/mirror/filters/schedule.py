"""The schedule of reads of the CRM's users and filters, in full or in part.

nightly, and every INVENTORY_SECONDS while people manage filters ─▶ everything (an inventory)
every NEW_USERS_SECONDS while policies compare their groups       ─▶ the directory, and filters of new users only
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.mirror import uses
from syncapp.mirror.uses import Use
from syncapp.models import FilterPolicy, MirrorCursor
from syncapp.models.jobs.job import database_now

CURSOR = "filters"
DIRECTORY = "directory"  # the row that records when users, teams and mailboxes were last read to the end
NIGHT = time(2)  # UTC; from then on everything is read, and policies compare their whole groups
NEW_USERS_SECONDS = 3000.0  # pages promise an hour; the remaining time is for the read and the comparison


class Extent(StrEnum):
    """The extent of a read of users and filters: everyone's filters, or only those of new and changed users."""

    ALL = "all"
    NEW_USERS = "new_users"


def due() -> Extent | None:
    """Return the extent of the read to make now, or None; a read in progress is continued."""
    cursor = MirrorCursor.objects.filter(table=CURSOR).first()
    if cursor is not None and cursor.next_link:
        return Extent.ALL if cursor.is_full_read else Extent.NEW_USERS
    if is_last_read_older_than(interval()):
        return Extent.ALL
    if not FilterPolicy.objects.comparing().exists():
        return None
    if lacks_nightly_inventory():
        return Extent.ALL
    return Extent.NEW_USERS if is_last_read_older_than(NEW_USERS_SECONDS, table=DIRECTORY) else None


def interval() -> float:
    """Return the current interval between inventories in seconds; it is shorter while people manage filters."""
    last_use = uses.read().get(Use.FILTERS)
    if last_use is not None and last_use.age <= settings.INVENTORY_SECONDS:
        return float(settings.INVENTORY_SECONDS)
    return float(max(settings.INVENTORY_SECONDS, settings.INVENTORY_IDLE_SECONDS))


def is_last_read_older_than(seconds: float, *, table: str = CURSOR) -> bool:
    """Return whether no read of `table` was completed in the last `seconds`, by the database's clock."""
    return not MirrorCursor.objects.filter(table=table, pulled_at__gt=database_now(plus=-seconds)).exists()


def lacks_nightly_inventory() -> bool:
    """Return whether no inventory has been completed since the last night began; policies wait for that inventory."""
    cursor = MirrorCursor.objects.filter(table=CURSOR).annotate(now=Now()).first()
    return cursor is None or cursor.pulled_at is None or cursor.pulled_at < last_night(cursor.now)


def last_night(now: datetime | None = None) -> datetime:
    """Return the start of the last night before `now`."""
    now = now or timezone.now()
    tonight = datetime.combine(now.date(), NIGHT, tzinfo=now.tzinfo)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def request() -> None:
    """Let the next tick begin a new inventory, unless one is in progress."""
    MirrorCursor.objects.filter(Q(next_link="") | Q(is_full_read=False), table=CURSOR).update(pulled_at=None)
