"""The number of paths that bring each user's appointments to Outlook, and the cause, computed in the database.

Only this module decides both. It counts what the CRM shows (filters, mailbox, traces of the old add-in) and the
lists of other products' users. A mailbox has one method, so "twice" within the CRM needs other evidence of the old
add-in: e-mail through it, or active offline filters, which only the add-in uses ("Mailbox").
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

# Values of `emailrouteraccessapproval`: nothing synchronizes server-side before the address is approved ("Mailbox").
_APPROVED, _BY_CLIENT = (0, 1), 1
_NOT_DISABLED_WITH_ROLES = Q(is_disabled=False) & (Q(has_own_roles=True) | Q(has_team_roles=True))
_SERVER = Q(method=SyncMethod.SERVER_SIDE)
_APPROVED_SERVER = _SERVER & Q(enabled_for_act=True, approval__in=_APPROVED)
_OPEN_MAILBOX = Q(mailbox_id__isnull=False, mailbox_state=0) & (_APPROVED_SERVER | Q(method=SyncMethod.OUTLOOK))
_HAS_CLIENT = Q(incoming=_BY_CLIENT) | Q(outgoing=_BY_CLIENT) | Q(offline_on__gt=0)
_LISTED = Q(products__gt=0)
_KEY: Any = FilterUser._meta.pk

_PATHS = {
    **dict.fromkeys(
        (Cause.SERVER_AND_PRODUCT, Cause.CLIENT_AND_PRODUCT, Cause.SERVER_AND_CLIENT, Cause.PRODUCTS), SyncPaths.TWICE
    ),
    **dict.fromkeys((Cause.SERVER, Cause.CLIENT, Cause.PRODUCT), SyncPaths.ONCE),
    Cause.UNREAD: SyncPaths.UNKNOWN,
}


@transaction.atomic
def recompute(users: FilterUserQuerySet) -> None:
    """Recompute the cause and the sync paths of these users.

    There are two statements, because for a few users the conditions cost more to compile than to evaluate.
    """
    users.update(cause=_cause_case(system_selects=has_system_filter()))
    users.update(paths=_paths_case())


@transaction.atomic
def recompute_some(user_ids: Sequence[UUID]) -> None:
    """Recompute a few users with statements that are compiled once per process and number of users.

    A run does this after every ten users, and compiling the statements takes far longer than running them.
    """
    if not user_ids:
        return
    keys = [_KEY.get_db_prep_value(user_id, connection) for user_id in user_ids]
    with connection.cursor() as cursor:
        for sql, parameters in _statements(connection.vendor, has_system_filter(), len(keys)):
            cursor.execute(sql, [*parameters, *keys])


@lru_cache(maxsize=64)
def _statements(vendor: str, system_selects: bool, count: int) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the SQL for `count` users, whose keys are the last parameters."""
    some = FilterUser.objects.filter(pk__in=[UUID(int=number) for number in range(count)])
    updates = ({"cause": _cause_case(system_selects=system_selects)}, {"paths": _paths_case()})
    compiled = []
    for columns in updates:
        query: Any = some.query.chain(UpdateQuery)
        query.add_update_values(columns)
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        compiled.append((sql, tuple(parameters[:-count])))
    return tuple(compiled)


def _cause_case(*, system_selects: bool) -> Case:
    selects = Q(pk__isnull=False) if system_selects else Q(appointments__in=[Cell.ON, Cell.MIXED])
    path = selects & _OPEN_MAILBOX
    # The first condition that matches counts.
    causes = [
        (Cause.DISABLED, Q(is_disabled=True)),
        (Cause.NO_ROLE, ~_NOT_DISABLED_WITH_ROLES),
        (Cause.UNREAD, Q(filters_read_at__isnull=True)),
        (Cause.SERVER_AND_PRODUCT, path & _SERVER & _LISTED),
        (Cause.CLIENT_AND_PRODUCT, path & _LISTED),
        (Cause.SERVER_AND_CLIENT, path & _SERVER & _HAS_CLIENT),
        (Cause.SERVER, path & _SERVER),
        (Cause.CLIENT, path),
        (Cause.PRODUCTS, Q(products__gt=1)),
        (Cause.PRODUCT, _LISTED),
        (Cause.NO_MAILBOX, Q(mailbox_id__isnull=True)),
        (Cause.MAILBOX_OFF, ~Q(mailbox_state=0)),
        (Cause.METHOD_NONE, ~Q(method__in=[SyncMethod.SERVER_SIDE, SyncMethod.OUTLOOK])),
        (Cause.NOT_SET_UP, ~selects & Q(appointments=Cell.NONE)),
        (Cause.FILTERS_OFF, ~selects),
    ]
    return Case(*(When(fits, then=Value(cause)) for cause, fits in causes), default=Value(Cause.NOT_APPROVED))


def _paths_case() -> Case:
    causes = {paths: [cause for cause in Cause if paths_of(cause) is paths] for paths in SyncPaths}
    whens = (When(cause__in=found, then=Value(paths)) for paths, found in causes.items() if found)
    return Case(*whens, default=Value(SyncPaths.NOT_AT_ALL))


def paths_of(cause: Cause) -> SyncPaths:
    """Return the sync paths that a cause stands for."""
    return _PATHS.get(cause, SyncPaths.NOT_AT_ALL)


def store_daily_counts() -> None:
    """Count all users by sync paths for today (UTC), replacing today's earlier counts."""
    found = FilterUser.objects.people().order_by().values_list("paths").annotate(users=Count("pk"))
    counts = dict.fromkeys(SyncPaths.values, 0) | dict(found)
    SyncPathsDay.objects.update_or_create(day=timezone.now().astimezone(UTC).date(), defaults=counts)


def has_system_filter() -> bool:
    """Return whether an active system filter selects appointments for every user."""
    filters = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER, state=0)
    return filters.filter(table__in=APPOINTMENT_TABLES).exists()


def doubled_with_filters_on(users: FilterUserQuerySet) -> FilterUserQuerySet:
    """Return the users whose appointments arrive once now, and would arrive twice with their filters on."""
    twice = [cause for cause in Cause if paths_of(cause) is SyncPaths.TWICE]
    return (
        users.exclude(paths=SyncPaths.TWICE)
        .alias(with_filters_on=_cause_case(system_selects=True))
        .filter(with_filters_on__in=twice)
    )


def count_mailbox_paths(user: FilterUser) -> int:
    """Return how many paths this user's mailbox opens: none, one, or two with the old add-in."""
    synchronizing = FilterUser.objects.filter(_NOT_DISABLED_WITH_ROLES & _OPEN_MAILBOX, pk=user.pk)
    paths = Case(When(_SERVER & _HAS_CLIENT, then=Value(2)), default=Value(1))
    return synchronizing.values_list(paths, flat=True).first() or 0
