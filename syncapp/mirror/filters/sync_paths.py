"""How many ways lead each user's appointments to his Outlook, and why: worked out by the database, for any number.

The one place where this is decided. It counts what the CRM shows (filters, mailbox, traces of the old add-in) and the
lists of other products' users. One mailbox has one method, so "twice" within the CRM needs other evidence of the old
add-in: e-mail by it, or active offline filters, which belong to it alone ("Mailbox").
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, Count, Q, Value, When
from django.db.models.sql import UpdateQuery
from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.filters.records import QueryType
from syncapp.models import FilterUser, SyncPathsDay, SystemFilter
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell
from syncapp.models.sync_filters.user import Cause, FilterUserQuerySet, SyncPaths

# Of `emailrouteraccessapproval`: nothing synchronizes server-side before somebody approved the address ("Mailbox").
_APPROVED, _BY_CLIENT = (0, 1), 1
_NOT_DISABLED_WITH_ROLES = Q(is_disabled=False) & (Q(has_own_roles=True) | Q(has_team_roles=True))
_SERVER = Q(method=SyncMethod.SERVER_SIDE)
_APPROVED_SERVER = _SERVER & Q(enabled_for_act=True, approval__in=_APPROVED)
_OPEN_MAILBOX = Q(mailbox_id__isnull=False, mailbox_state=0) & (_APPROVED_SERVER | Q(method=SyncMethod.OUTLOOK))
_HAS_CLIENT = Q(incoming=_BY_CLIENT) | Q(outgoing=_BY_CLIENT) | Q(offline_on__gt=0)
_LISTED = Q(products__gt=0)
_KEY: Any = FilterUser._meta.pk

_REACH = {
    **dict.fromkeys(
        (Cause.SERVER_AND_PRODUCT, Cause.CLIENT_AND_PRODUCT, Cause.SERVER_AND_CLIENT, Cause.PRODUCTS), SyncPaths.TWICE
    ),
    **dict.fromkeys((Cause.SERVER, Cause.CLIENT, Cause.PRODUCT), SyncPaths.ONCE),
    Cause.UNREAD: SyncPaths.UNKNOWN,
}


@transaction.atomic
def work_out(users: FilterUserQuerySet) -> None:
    """Compute the cause of each of these users anew, and from it the reach.

    Two statements, because the conditions cost more to write down than to evaluate for a few users.
    """
    users.update(cause=_cause(everybody_selects=has_system_filter()))
    users.update(paths=_reach())


@transaction.atomic
def work_out_some(user_ids: Sequence[UUID]) -> None:
    """The same for a few users, by statements that each process writes down once for their number.

    A run does this after every ten users, and writing the statements down takes far longer than carrying them out.
    """
    if not user_ids:
        return
    keys = [_KEY.get_db_prep_value(user_id, connection) for user_id in user_ids]
    with connection.cursor() as cursor:
        for sql, parameters in _statements(connection.vendor, has_system_filter(), len(keys)):
            cursor.execute(sql, [*parameters, *keys])


@lru_cache(maxsize=64)
def _statements(vendor: str, everybody_selects: bool, count: int) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """For so many users, whose keys come last among the parameters."""
    some = FilterUser.objects.filter(pk__in=[UUID(int=number) for number in range(count)])
    updates = ({"cause": _cause(everybody_selects=everybody_selects)}, {"paths": _reach()})
    return tuple(_written_down(some, columns, count) for columns in updates)


def _written_down(users: FilterUserQuerySet, columns: dict[str, Case], count: int) -> tuple[str, tuple[Any, ...]]:
    query: Any = users.query.chain(UpdateQuery)
    query.add_update_values(columns)
    sql, parameters = query.get_compiler(connection=connection).as_sql()
    return sql, tuple(parameters[:-count])


def _cause(*, everybody_selects: bool) -> Case:
    causes = _causes(everybody_selects=everybody_selects)
    return Case(*(When(fits, then=Value(cause)) for cause, fits in causes), default=Value(Cause.NOT_APPROVED))


def _reach() -> Case:
    ways = {paths: [cause for cause in Cause if reach_of(cause) is paths] for paths in SyncPaths}
    whens = (When(cause__in=found, then=Value(paths)) for paths, found in ways.items() if found)
    return Case(*whens, default=Value(SyncPaths.NOT_AT_ALL))


def reach_of(cause: Cause) -> SyncPaths:
    """How many ways there are where this is the reason."""
    return _REACH.get(cause, SyncPaths.NOT_AT_ALL)


def keep_day() -> None:
    """Count everybody for today, in place of what was counted today before."""
    found = FilterUser.objects.people().order_by().values_list("paths").annotate(users=Count("pk"))
    counts = dict.fromkeys(SyncPaths.values, 0) | dict(found)
    SyncPathsDay.objects.update_or_create(day=timezone.now().astimezone(UTC).date(), defaults=counts)


def has_system_filter() -> bool:
    """Whether a filter for everybody selects appointments, whatever each user's own ones do."""
    filters = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER, state=0)
    return filters.filter(table__in=APPOINTMENT_TABLES).exists()


def _causes(*, everybody_selects: bool) -> list[tuple[Cause, Q]]:
    """Each cause with its condition; the first that fits counts."""
    selects = Q(pk__isnull=False) if everybody_selects else Q(appointments__in=[Cell.ON, Cell.MIXED])
    way = selects & _OPEN_MAILBOX
    return [
        (Cause.DISABLED, Q(is_disabled=True)),
        (Cause.NO_ROLE, ~_NOT_DISABLED_WITH_ROLES),
        (Cause.UNREAD, Q(filters_read_at__isnull=True)),
        (Cause.SERVER_AND_PRODUCT, way & _SERVER & _LISTED),
        (Cause.CLIENT_AND_PRODUCT, way & _LISTED),
        (Cause.SERVER_AND_CLIENT, way & _SERVER & _HAS_CLIENT),
        (Cause.SERVER, way & _SERVER),
        (Cause.CLIENT, way),
        (Cause.PRODUCTS, Q(products__gt=1)),
        (Cause.PRODUCT, _LISTED),
        (Cause.NO_MAILBOX, Q(mailbox_id__isnull=True)),
        (Cause.MAILBOX_OFF, ~Q(mailbox_state=0)),
        (Cause.METHOD_NONE, ~Q(method__in=[SyncMethod.SERVER_SIDE, SyncMethod.OUTLOOK])),
        (Cause.NOT_SET_UP, ~selects & Q(appointments=Cell.NONE)),
        (Cause.FILTERS_OFF, ~selects),
    ]


def doubled_if_on(users: FilterUserQuerySet) -> FilterUserQuerySet:
    """Return the users whose appointments would arrive twice with their filters on, and do not so far."""
    twice = [cause for cause in Cause if reach_of(cause) is SyncPaths.TWICE]
    return (
        users.exclude(paths=SyncPaths.TWICE)
        .alias(with_filters_on=_cause(everybody_selects=True))
        .filter(with_filters_on__in=twice)
    )


def mailbox_ways(user: FilterUser) -> int:
    """How many ways this user's mailbox opens to whatever filters select: none, one, or with the old add-in two."""
    now = FilterUser.objects.filter(_NOT_DISABLED_WITH_ROLES & _OPEN_MAILBOX, pk=user.pk)
    ways = now.values_list(Case(When(_SERVER & _HAS_CLIENT, then=Value(2)), default=Value(1)), flat=True)
    return ways.first() or 0
