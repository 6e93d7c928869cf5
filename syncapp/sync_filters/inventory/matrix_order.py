"""The sort orders of the matrix, and positions in them after which the next page begins.

States are ranked by what a filter manager looks for first; users of the same rank are sorted by name. A position keeps
the rank that its page showed: even if its user's state changes before the next page, no other user appears twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Case, Q, QuerySet, Value, When

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterUser
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import FilterUserQuerySet, SyncPaths


class Column(StrEnum):
    """A column of the matrix by which it can be sorted."""

    NAME = "name"
    MAILBOX = "mailbox"
    PATHS = "paths"
    APPOINTMENTS = "appointments"
    CONTACTS = "contacts"
    TASKS = "tasks"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Order:
    """A column and a direction; users with equal states are always in ascending order of name."""

    column: Column = Column.NAME
    is_reversed: bool = False

    @property
    def code(self) -> str:
        """Return the order as used in URLs: the column, with a minus sign before it if it is reversed."""
        return f"-{self.column}" if self.is_reversed else str(self.column)


BY_NAME = Order()
ORDERS = {order.code: order for column in Column for order in (Order(column), Order(column, is_reversed=True))}


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a user in an order; `rank` is 0 in orders by name."""

    rank: int
    name_key: str
    user_id: UUID


_CELL_RANKS = (Cell.ON, Cell.MIXED, Cell.OFF, Cell.NONE, Cell.UNREAD)
_PATHS_RANKS = (SyncPaths.TWICE, SyncPaths.NOT_AT_ALL, SyncPaths.UNKNOWN, SyncPaths.ONCE)
HAS_NO_MAILBOX = Q(mailbox_id__isnull=True) | Q(method__isnull=True)
IS_NOT_APPROVED = ~Q(mailbox_state=0) | Q(approval__gt=1)
# The same cases as in the column "Mailbox": no mailbox, not approved, then by method.
_MAILBOX_RANKS = (
    HAS_NO_MAILBOX,
    IS_NOT_APPROVED,
    Q(method=SyncMethod.OUTLOOK),
    Q(method=SyncMethod.SERVER_SIDE),
)


def _conditions(column: Column) -> Sequence[Q]:
    """Return the condition of each rank; users who meet none come last."""
    if column is Column.NAME:
        return ()
    if column is Column.MAILBOX:
        return _MAILBOX_RANKS
    if column is Column.PATHS:
        return [Q(paths=each) for each in _PATHS_RANKS]
    return [Q(**{column.value: each}) for each in _CELL_RANKS]


def sort_users(users: FilterUserQuerySet, order: Order) -> QuerySet[Any]:
    """Return the users in this order, each with its `rank`."""
    if order.column is Column.NAME:
        keys = ("-name_key", "-id") if order.is_reversed else ("name_key", "id")
        return users.annotate(rank=Value(0)).order_by(*keys)
    conditions = _conditions(order.column)
    ranks = [When(condition, then=Value(rank)) for rank, condition in enumerate(conditions)]
    ranked = users.annotate(rank=Case(*ranks, default=Value(len(conditions))))
    return ranked.order_by("-rank" if order.is_reversed else "rank", "name_key", "id")


def users_after(users: QuerySet[Any], order: Order, after: Position) -> QuerySet[Any]:
    """Return the ordered users that follow a position."""
    if order.column is Column.NAME:
        lookup = "lt" if order.is_reversed else "gt"
        later = Q(**{f"name_key__{lookup}": after.name_key})
        same = Q(**{"name_key": after.name_key, f"id__{lookup}": after.user_id})
        # With this bound, the database can start in the middle of the index.
        return users.filter(Q(**{f"name_key__{lookup}e": after.name_key}) & (later | same))
    later = Q(rank__lt=after.rank) if order.is_reversed else Q(rank__gt=after.rank)
    by_name = Q(name_key__gt=after.name_key) | Q(name_key=after.name_key, id__gt=after.user_id)
    return users.filter(later | Q(rank=after.rank) & by_name)


def position_of(user_id: UUID, order: Order, *, rank: int | None = None) -> Position | None:
    """Return the position of a user, whether or not they still match; None for an unknown user.

    `rank` is the rank that the page showed; without it, the current rank is used.
    """
    row = sort_users(FilterUser.objects.filter(pk=user_id), order).values_list("rank", "name_key").first()
    if row is None:
        return None
    return Position(row[0] if rank is None else rank, row[1], user_id)
