"""Parts of a run's list that its preview warns about and that can be left out together."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.run import ItemQuerySet, Plan
from syncapp.sync_filters.runs import items, switching_on

_SERVER_SIDE = Q(user__method=SyncMethod.SERVER_SIDE, user__mailbox_state=0)


class Part(models.TextChoices):
    """A part of a run's list; the values are used in URLs."""

    SERVER_SIDE = "server", "Server-side"
    ADD_IN = "add_in", "Outlook add-in"
    OFF_BY_OWNER = "own", "Switched off themselves"
    DUPLICATED = "doubled", "Twice afterwards"


def possible_parts(run: FilterRun) -> list[Part]:
    """Return the parts that the preview of this run may warn about."""
    if items.takes_appointments_away(run):
        return [Part.SERVER_SIDE, Part.ADD_IN]
    is_on = run.wanted_on and not run.sets_mailbox_method
    return [Part.OFF_BY_OWNER, Part.DUPLICATED] if is_on else []


def members(run: FilterRun, part: Part) -> ItemQuerySet:
    """Return the items of a part: users who change or are held back."""
    found: ItemQuerySet = run.items.filter(plan__in=[Plan.CHANGE, Plan.HELD])
    if part is Part.SERVER_SIDE:
        return found.filter(_SERVER_SIDE)
    if part is Part.ADD_IN:
        return found.filter(user__in=FilterUser.objects.with_add_in())
    if part is Part.OFF_BY_OWNER:
        return found.filter(pk__in=switching_on.items_switched_off_by_owners(run).values("pk"))
    return found.filter(pk__in=switching_on.items_with_duplicates(run).values("pk"))
