"""Between two inventories only the directory is read, and the filters of new and changed users, for policies."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import requests
from django.db.models import F

from syncapp import tasks
from syncapp.connection import clients
from syncapp.mirror.filters import inventory, schedule
from syncapp.mirror.filters.schedule import Extent
from syncapp.models import (
    FilterAccess,
    FilterMembership,
    FilterPolicy,
    FilterRow,
    FilterTeam,
    FilterUser,
    MirrorCursor,
    SystemFilter,
    UnreadableRow,
)
from syncapp.models.jobs.job import database_now
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.policies import job as policy_rounds
from syncapp.sync_filters.policies.editing import PolicySpec
from tests.support.people import fred
from tests.sync_filters.company import small_company
from tests.sync_filters.scenery import Scenery

DIRECTORY_PAGES = 5


def read_new_users(scenery: Scenery) -> int:
    """Read new users, and return how many operations that took."""
    crm = clients.verified_client()  # which sends WhoAmI once
    before = operations(scenery)
    assert inventory.take(crm, new_users_only=True)
    return operations(scenery) - before


def operations(scenery: Scenery) -> int:
    return int(requests.get(f"{scenery.cloud.url}/sandbox/faults", timeout=10).json()["operations"])


def forget(user: FilterUser) -> None:
    """Remove a user from our tables, as if the CRM had gained them since the last inventory."""
    FilterMembership.objects.filter(user_id=user.pk).delete()
    FilterRow.objects.filter(owner_id=user.pk).delete()
    FilterUser.objects.filter(pk=user.pk).delete()


def outdate(user: FilterUser) -> None:
    """Store a state of a user's filters that differs from the CRM's."""
    FilterUser.objects.filter(pk=user.pk).update(appointments=Cell.NONE)


def test_reading_only_directory_takes_few_operations(read):
    outdate(read.user())
    read_at = MirrorCursor.objects.get(table=schedule.CURSOR).pulled_at

    assert read_new_users(read) == DIRECTORY_PAGES

    assert read.user().appointments == Cell.NONE
    assert MirrorCursor.objects.get(table=schedule.CURSOR).pulled_at == read_at, "the age of the filters is unchanged"
    assert not schedule.is_last_read_older_than(60, table=schedule.DIRECTORY)


def test_filters_of_new_user_are_read(read):
    forget(read.user())

    assert read_new_users(read) == DIRECTORY_PAGES + 2

    rita = read.user()
    assert (rita.appointments, rita.filters_due) == (Cell.ON, False)
    assert FilterRow.objects.for_outlook().filter(owner_id=rita.pk).count() == len(read.states(rita))


@pytest.mark.parametrize("column", ["isdisabled", "has_own_roles", "team"])
def test_filters_of_changed_user_are_read(read, column):
    rita = read.user()
    outdate(rita)
    if column == "isdisabled":
        FilterUser.objects.filter(pk=rita.pk).update(is_disabled=True)  # enabled in the CRM since
    elif column == "has_own_roles":
        FilterUser.objects.filter(pk=rita.pk).update(has_own_roles=False)
    else:
        FilterMembership.objects.filter(user_id=rita.pk).delete()

    assert read_new_users(read) == DIRECTORY_PAGES + 2

    assert read.user().appointments == Cell.ON


def test_filters_of_disabled_user_are_not_read(read):
    rita = read.user()
    read.change("systemusers", rita.pk, isdisabled=True)

    assert read_new_users(read) == DIRECTORY_PAGES

    assert read.user().is_disabled
    read.change("systemusers", rita.pk, isdisabled=False)


def test_user_with_forbidden_filters_waits_for_inventory(read):
    forget(read.user())
    read.cloud.fail({"method": "GET", "table": "userquery", "status": 403, "times": 2})

    read_new_users(read)

    assert read.user().filters_error == "Forbidden"
    assert read_new_users(read) == DIRECTORY_PAGES, "the filters are not read again every hour"
    read.read()
    assert read.user().appointments == Cell.ON


def test_dissolved_team_and_membership_are_removed(read):
    rita, others = read.user(), FilterMembership.objects.count()
    team = FilterMembership.objects.filter(user_id=rita.pk).first().team_id
    invented = FilterTeam.objects.create(pk=UUID(int=7), name="Dissolved")
    FilterMembership.objects.create(team_id=invented.pk, user_id=rita.pk)

    read_new_users(read)

    assert FilterMembership.objects.count() == others
    assert FilterMembership.objects.filter(user_id=rita.pk, team_id=team).exists()
    assert not FilterTeam.objects.filter(pk=invented.pk).exists()


def test_filters_not_read_again_are_kept(read):
    UnreadableRow.objects.create(kind=UnreadableRow.Kind.FILTER, row_id="1", problem="x", **seen())
    UnreadableRow.objects.create(kind=UnreadableRow.Kind.TEAM, row_id="2", problem="x", **seen())
    system, filters = SystemFilter.objects.count(), FilterRow.objects.count()

    read_new_users(read)

    assert (SystemFilter.objects.count(), FilterRow.objects.count()) == (system, filters)
    assert list(UnreadableRow.objects.values_list("row_id", flat=True)) == ["1"]


def seen() -> dict[str, object]:
    return {"first_seen_at": database_now(), "seen_at": database_now()}


def test_interrupted_reading_keeps_its_extent(read):
    crm = clients.verified_client()
    outdate(read.user())
    inventory.take(crm, seconds=0, new_users_only=True)
    assert schedule.due() is Extent.NEW_USERS
    while not inventory.take(crm, seconds=0):
        pass
    assert read.user().appointments == Cell.NONE

    inventory.take(crm, seconds=0)
    assert schedule.due() is Extent.ALL
    while not inventory.take(crm, seconds=0, new_users_only=True):
        pass
    assert read.user().appointments == Cell.ON


def test_request_during_reading_causes_another_reading(read):
    inventory.take(clients.verified_client(), seconds=0, new_users_only=True)

    schedule.request()
    assert inventory.take(clients.verified_client())

    assert schedule.due() is Extent.ALL


@pytest.mark.parametrize(("before", "after"), [(Access.NONE, Extent.ALL), (Access.DIRECT, None)])
def test_regained_access_leads_to_inventory(read, before, after):
    FilterAccess.objects.update(reading=before)

    read_new_users(read)

    assert (FilterAccess.objects.get().reading, schedule.due()) == (Access.DIRECT, after)


# --- When each reading is due ------------------------------------------------------------------------
@pytest.fixture
def policy(db, settings) -> FilterPolicy:
    settings.INVENTORY_SECONDS, settings.INVENTORY_IDLE_SECONDS = 1800, 24 * 3600
    team = small_company()
    read_ago(timedelta(minutes=1))
    return editing.create(PolicySpec("No appointments", team_id=team.pk, tables=APPOINTMENT_TABLES), by=fred())


def read_ago(age: timedelta) -> None:
    for table in (schedule.CURSOR, schedule.DIRECTORY):
        MirrorCursor.objects.update_or_create(table=table, defaults={"pulled_at": database_now() - age})


def test_new_users_are_read_hourly_for_policies(policy, monkeypatch):
    night_was_long_ago(monkeypatch)
    assert schedule.due() is None

    read_ago(timedelta(minutes=51))
    assert schedule.due() is Extent.NEW_USERS
    FilterPolicy.objects.update(is_paused=True)
    assert schedule.due() is None


def night_was_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the night begin at an hour that was 12 hours ago."""
    now = MirrorCursor.objects.annotate(now=database_now()).values_list("now", flat=True)[0]
    monkeypatch.setattr(schedule, "NIGHT", (now - timedelta(hours=12)).time())


def test_everyone_is_read_nightly_for_policies(policy, monkeypatch):
    night_was_long_ago(monkeypatch)

    read_ago(timedelta(hours=13))
    assert schedule.due() is Extent.ALL
    FilterPolicy.objects.update(is_paused=True)
    assert schedule.due() is None
    MirrorCursor.objects.update(pulled_at=F("pulled_at") - timedelta(hours=12))
    assert schedule.due() is Extent.ALL, "a day old"


def test_newcomer_is_compared_after_new_users_are_read(read, settings, monkeypatch):
    settings.INVENTORY_SECONDS, settings.INVENTORY_IDLE_SECONDS = 1800, 24 * 3600
    team = FilterTeam.objects.get(name="Sales North")
    policy = editing.create(PolicySpec("No appointments", team_id=team.pk, tables=APPOINTMENT_TABLES), by=fred())
    assert policy_rounds.work(policy.pk)
    newcomer = policy.members.filter(plan=Plan.CHANGE).first().user
    policy.members.filter(user=newcomer).delete()
    forget(newcomer)
    read_ago(timedelta(minutes=51))
    night_was_long_ago(monkeypatch)

    tasks.take_inventory()

    assert policy_rounds.work(policy.pk), "it is due at once"
    assert policy.members.get(user_id=newcomer.pk).plan == Plan.CHANGE
    assert schedule.is_last_read_older_than(50 * 60), "the filters of other users were not read"
