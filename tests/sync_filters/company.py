"""A small team as a recent inventory leaves it, without a CRM."""

from __future__ import annotations

import uuid

from django.utils import timezone

from syncapp.mirror.filters.schedule import CURSOR
from syncapp.models import FilterAccess, FilterMembership, FilterRow, FilterTeam, FilterUser, MirrorCursor


def without_meetings() -> None:
    """Configure the CRM to keep deletions from Exchange, so that no user is held back."""
    FilterAccess.objects.update_or_create(slot=1, defaults={"keeps_deletes_apart": True})


def small_company() -> FilterTeam:
    """Create a team of eight people whose appointments are on."""
    without_meetings()
    MirrorCursor.objects.create(table=CURSOR, pulled_at=timezone.now())
    made = FilterTeam.objects.create(pk=uuid.uuid4(), name="Sales North")
    for number in range(8):
        _member(made, number)
    return made


def many_people(count: int) -> list[FilterUser]:
    """Create `count` users without a team whose appointments are on."""
    without_meetings()
    now = timezone.now()
    known = {"has_own_roles": True, "read_at": now, "filters_read_at": now}
    numbers = [f"{number:05}" for number in range(count)]
    users = FilterUser.objects.bulk_create(
        FilterUser(pk=uuid.uuid4(), name=f"Person {number}", name_key=f"person {number}", **known) for number in numbers
    )
    on = {"name": "Mine", "table": "appointment", "query_type": 256, "state": 0, "status": 1, "read_at": now}
    FilterRow.objects.bulk_create(FilterRow(pk=uuid.uuid4(), owner_id=user.pk, **on) for user in users)
    return users


def _member(team: FilterTeam, number: int) -> None:
    user = FilterUser.objects.create(
        pk=uuid.uuid4(),
        name=f"User {number}",
        name_key=f"user {number}",
        has_own_roles=True,
        read_at=timezone.now(),
        filters_read_at=timezone.now(),
    )
    FilterMembership.objects.create(team_id=team.pk, user_id=user.pk)
    known = {"name": "Mine", "table": "appointment", "query_type": 256, "read_at": timezone.now()}
    FilterRow.objects.create(pk=uuid.uuid4(), owner_id=user.pk, state=0, status=1, **known)
