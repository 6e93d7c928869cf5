"""The orders of the matrix, and pages that hold every user once in any order."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterUser
from syncapp.models.sync_filters.tables import Cell, Group
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.inventory import matrix, matrix_order
from syncapp.sync_filters.inventory.matrix import UserCriteria
from syncapp.sync_filters.inventory.matrix_order import ORDERS, Column, Order
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db


def store(number: int) -> None:
    """Store users whose states and names repeat."""
    chance = random.Random(7)
    FilterUser.objects.bulk_create(
        FilterUser(
            id=uuid.UUID(int=chance.getrandbits(128)),
            name_key=chance.choice(["ada", "bo", "cleo", "dora"]),
            paths=chance.choice(SyncPaths.values),
            method=chance.choice([None, 0, 1, 2]),
            mailbox_id=chance.choice([None, uuid.uuid4()]),
            approval=chance.choice([0, 1, 3]),
            read_at=timezone.now(),
            **{group.value: chance.choice(Cell.values) for group in Group},
        )
        for _ in range(number)
    )


def pages(order: Order, *, size: int = 7) -> list[Any]:
    """Return the users of all pages."""
    users, after = list[Any](), None
    while True:
        page = matrix.page(order=order, after=after, size=size)
        users += page.users
        if not page.has_more or page.last is None:
            return users
        after = matrix_order.position_of(page.last.user_id, order, rank=page.last.rank)


def names(order: Order) -> list[str]:
    return [user.name for user in matrix.page(order=order).users]


@pytest.mark.parametrize("code", ORDERS)
def test_pages_hold_every_user_once(code: str) -> None:
    store(60)
    order = ORDERS[code]

    users = pages(order)

    assert len(users) == 60
    assert [user.pk for user in users] == [user.pk for user in pages(order, size=60)]
    assert {user.pk for user in users} == set(FilterUser.objects.values_list("pk", flat=True))
    ranks = [user.rank for user in users]
    assert ranks == sorted(ranks, reverse=order.is_reversed)


def test_changed_user_does_not_disturb_paging() -> None:
    store(30)
    order = Order(Column.APPOINTMENTS)
    first = matrix.page(order=order, size=10)
    assert first.last is not None
    FilterUser.objects.filter(pk=first.last.user_id).update(appointments=Cell.UNREAD)

    kept = matrix_order.position_of(first.last.user_id, order, rank=first.last.rank)
    moved = matrix_order.position_of(first.last.user_id, order)

    later = {user.pk for user in matrix.page(order=order, after=kept, size=30).users} - {first.last.user_id}
    assert len(later) == 20
    assert len(matrix.page(order=order, after=moved, size=30).users) < 20, "the rank of the page matters"


def test_states_needing_attention_come_first() -> None:
    for name, paths in (("Ann", "once"), ("Bea", "none"), ("Cleo", "twice"), ("Dora", "unknown")):
        FilterUser.objects.filter(pk=make_user(name).pk).update(paths=paths)

    assert names(Order(Column.PATHS)) == ["Cleo", "Bea", "Dora", "Ann"]
    assert names(Order(Column.PATHS, is_reversed=True)) == ["Ann", "Dora", "Bea", "Cleo"]


def test_mailboxes_with_problems_come_first() -> None:
    make_user("None", SyncMethod.NONE)
    make_user("Server", SyncMethod.SERVER_SIDE)
    make_user("Add-in", SyncMethod.OUTLOOK)
    make_user("Not approved", approval=2)
    make_user("Without", mailbox_id=None)

    assert names(Order(Column.MAILBOX)) == ["Without", "Not approved", "Add-in", "Server", "None"]


def test_users_without_approved_mailbox_can_be_found() -> None:
    make_user("Server", SyncMethod.SERVER_SIDE)
    make_user("Not approved", approval=2)
    make_user("Without", mailbox_id=None)
    FilterUser.objects.filter(pk=make_user("Unknown").pk).update(method=None)

    found = {
        state: {user.name for user in matrix.matching_users(UserCriteria(method=state))}
        for state in (matrix.NO_MAILBOX, matrix.NOT_APPROVED)
    }

    assert found == {matrix.NO_MAILBOX: {"Without", "Unknown"}, matrix.NOT_APPROVED: {"Not approved"}}


def test_equal_states_are_sorted_by_name() -> None:
    for name in ("Bea", "Ann", "Cleo"):
        make_user(name)

    for is_reversed in (False, True):
        assert names(Order(Column.TASKS, is_reversed=is_reversed)) == ["Ann", "Bea", "Cleo"]
    assert names(Order(Column.NAME, is_reversed=True)) == ["Cleo", "Bea", "Ann"]


def test_unknown_user_has_no_position() -> None:
    assert matrix_order.position_of(uuid.uuid4(), matrix_order.BY_NAME) is None


def test_states_of_several_groups_must_all_match() -> None:
    both = make_user("Both", contacts=Cell.OFF)
    make_user("One", contacts=Cell.ON)

    cells = ((Group.APPOINTMENTS, Cell.ON), (Group.CONTACTS, Cell.OFF))

    assert list(matrix.matching_users(UserCriteria(cells=cells))) == [both]
