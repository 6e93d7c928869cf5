"""The inventory mirrors the CRM's users and filters."""

from __future__ import annotations

from collections import Counter

from syncapp.connection import clients
from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters import inventory
from syncapp.models import FilterAccess, FilterMembership, FilterRow, FilterTeam, FilterUser, SystemFilter
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import SyncPaths


def test_users_mailboxes_and_filters_are_mirrored(scenery):
    scenery.read()

    users = {row["systemuserid"]: row for row in scenery.rows("systemusers")}
    assert {str(user.pk): user.is_disabled for user in FilterUser.objects.all()} == {
        key: row["isdisabled"] for key, row in users.items()
    }
    methods = {box["_regardingobjectid_value"]: box["actdeliverymethod"] for box in scenery.rows("mailboxes")}
    assert {str(user.pk): user.method for user in FilterUser.objects.filter(method__isnull=False)} == methods
    rita = scenery.user()
    assert {str(row.pk): row.state for row in FilterRow.objects.for_outlook().filter(owner_id=rita.pk)} == (
        scenery.states(rita)
    )


def test_table_states_match_filters(scenery):
    scenery.read()

    assert FilterUser.objects.filter(tables={}).people().exclude(appointments=Cell.NONE).count() == 0
    mixed = FilterUser.objects.filter(appointments=Cell.MIXED).first()
    states = FilterRow.objects.for_outlook().filter(owner_id=mixed.pk, table__contains="appointment")
    assert set(states.values_list("state", flat=True)) == {0, 1}
    assert mixed.tables["appointment"] == [0, 1]


def test_teams_and_system_filters_are_mirrored(scenery):
    scenery.read()

    memberships = Counter(row["teamid"] for row in scenery.rows("teammemberships"))
    north = FilterTeam.objects.get(name="Sales North")
    assert FilterMembership.objects.filter(team_id=north.pk).count() == memberships[str(north.pk)] > 0
    assert FilterRow.objects.filter(owner_table="team").exists()
    assert {each.is_template for each in SystemFilter.objects.all()} == {True, False}
    capabilities = FilterAccess.objects.get()
    assert (capabilities.reading, capabilities.keeps_deletes_apart is True) == (Access.DIRECT, False)


def test_offline_filters_do_not_count_in_table_states(scenery):
    scenery.read()

    with_offline = FilterUser.objects.filter(offline_on__gt=0).first()
    assert FilterRow.objects.filter(owner_id=with_offline.pk, query_type=QueryType.OFFLINE_FILTER).exists()
    assert sum(pair[1] for pair in with_offline.tables.values()) == 6


def test_inventory_continues_where_it_stopped(scenery):
    crm = clients.verified_client()

    rounds = 1
    while not inventory.take(crm, seconds=0):
        rounds += 1

    assert rounds > 8
    assert not FilterUser.objects.people().filter(filters_read_at=None).exists()


def test_refresh_reads_one_user(scenery):
    scenery.read()
    rita = scenery.user()
    row = FilterRow.objects.for_outlook().get(owner_id=rita.pk, table="contact")
    scenery.change("userqueries", row.pk, statecode=1, statuscode=2)

    inventory.refresh(clients.crm(), [rita.pk])

    assert scenery.user().contacts == Cell.OFF


def test_deleted_filter_disappears_with_next_inventory(scenery):
    scenery.read()
    rita = scenery.user()
    for key in scenery.states(rita):
        scenery.delete("userqueries", key)

    scenery.read()

    assert scenery.user().appointments == Cell.NONE
    assert scenery.user().paths == SyncPaths.NOT_AT_ALL


def test_failed_read_keeps_known_filters(scenery):
    scenery.read()
    scenery.cloud.fail({"method": "GET", "table": "userquery", "status": 403, "times": 1})

    inventory.refresh(clients.crm(), [scenery.user().pk])

    assert scenery.user().filters_error == "Forbidden"
    assert scenery.user().appointments == Cell.ON


def test_filters_are_read_by_impersonation_without_permission(scenery):
    scenery.allow_impersonation_only()

    scenery.read()

    assert FilterAccess.objects.get().reading == Access.ACTING
    assert scenery.user().appointments == Cell.ON


def test_deleted_mailbox_is_cleared_from_user(read):
    rita = read.user()
    read.delete("mailboxes", rita.mailbox_id)

    read.read()

    after = read.user()
    assert (after.mailbox_id, after.method) == (None, None)
    assert FilterUser.objects.filter(mailbox_id__isnull=False).count() > 1
