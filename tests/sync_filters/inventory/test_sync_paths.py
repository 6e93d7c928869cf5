"""Sync paths, their causes and recommendations, each with a counterexample."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterUser, SystemFilter
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory.recommendations import Recommendation, recommend
from tests.sync_filters.users import make_user

OUTLOOK, NONE = SyncMethod.OUTLOOK, SyncMethod.NONE


@pytest.mark.parametrize(
    ("columns", "cause", "found", "remedy"),
    [
        ({}, Cause.SERVER, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"method": OUTLOOK}, Cause.CLIENT, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"incoming": 1}, Cause.SERVER_AND_CLIENT, SyncPaths.TWICE, Recommendation.ADD_IN),
        ({"method": OUTLOOK, "offline_on": 1}, Cause.CLIENT, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"products": 1}, Cause.SERVER_AND_PRODUCT, SyncPaths.TWICE, Recommendation.METHOD_NONE),
        ({"products": 1, "method": OUTLOOK}, Cause.CLIENT_AND_PRODUCT, SyncPaths.TWICE, Recommendation.FILTERS_OFF),
        ({"products": 2, "method": NONE}, Cause.PRODUCTS, SyncPaths.TWICE, Recommendation.PRODUCT),
        ({"products": 1, "appointments": Cell.OFF}, Cause.PRODUCT, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"appointments": Cell.MIXED}, Cause.SERVER, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"appointments": Cell.OFF}, Cause.FILTERS_OFF, SyncPaths.NOT_AT_ALL, Recommendation.FILTERS_ON),
        ({"appointments": Cell.NONE}, Cause.NOT_SET_UP, SyncPaths.NOT_AT_ALL, Recommendation.SET_UP),
        ({"method": NONE}, Cause.METHOD_NONE, SyncPaths.NOT_AT_ALL, Recommendation.METHOD_SERVER),
        ({"mailbox_id": None}, Cause.NO_MAILBOX, SyncPaths.NOT_AT_ALL, Recommendation.MAILBOX),
        ({"mailbox_state": 1}, Cause.MAILBOX_OFF, SyncPaths.NOT_AT_ALL, Recommendation.MAILBOX),
        ({"approval": 2}, Cause.NOT_APPROVED, SyncPaths.NOT_AT_ALL, Recommendation.MAILBOX),
        ({"enabled_for_act": False}, Cause.NOT_APPROVED, SyncPaths.NOT_AT_ALL, Recommendation.MAILBOX),
        ({"is_disabled": True, "products": 2}, Cause.DISABLED, SyncPaths.NOT_AT_ALL, Recommendation.NOTHING),
        ({"has_own_roles": False}, Cause.NO_ROLE, SyncPaths.NOT_AT_ALL, Recommendation.NOTHING),
        ({"has_own_roles": False, "has_team_roles": True}, Cause.SERVER, SyncPaths.ONCE, Recommendation.NOTHING),
        ({"filters_read_at": None}, Cause.UNREAD, SyncPaths.UNKNOWN, Recommendation.READ),
    ],
)
def test_each_cause_has_its_recommendation(db, columns, cause, found, remedy):
    user = make_user("Rita", **columns)

    assert (user.cause, user.paths) == (cause, found)
    assert recommend(cause, system_selects=False) == remedy


def test_system_filter_selects_rows_despite_inactive_own_filters(db):
    off, listed = make_user("Off", appointments=Cell.OFF), make_user("Listed", OUTLOOK, products=1)
    told = {"table": "appointment", "query_type": QueryType.OUTLOOK_FILTER, "state": 0, "read_at": timezone.now()}
    SystemFilter.objects.create(pk=uuid.uuid4(), **told)

    sync_paths.recompute(FilterUser.objects.all())

    causes = {user.name: Cause(user.cause) for user in FilterUser.objects.all()}
    assert causes == {off.name: Cause.SERVER, listed.name: Cause.CLIENT_AND_PRODUCT}
    assert recommend(Cause.CLIENT_AND_PRODUCT, system_selects=True) == Recommendation.PRODUCT


def test_partial_recompute_agrees_with_full_recompute(db):
    users = [make_user("On"), make_user("Off", appointments=Cell.OFF), make_user("None", NONE)]
    alike = {user.pk: (user.cause, user.paths) for user in users}
    for some in (users[:2], users[1:], users):
        FilterUser.objects.update(cause=Cause.UNREAD, paths=SyncPaths.UNKNOWN)

        sync_paths.recompute_some([user.pk for user in some])

        found = {user.pk: (user.cause, user.paths) for user in FilterUser.objects.exclude(cause=Cause.UNREAD)}
        assert found == {user.pk: alike[user.pk] for user in some}
    now = {"read_at": timezone.now(), "table": "appointment", "query_type": QueryType.OUTLOOK_FILTER}
    SystemFilter.objects.create(id=uuid.uuid4(), state=0, **now)
    sync_paths.recompute_some([user.pk for user in users])
    assert FilterUser.objects.get(name="Off").cause == Cause.SERVER
