"""Reads of filters: their owners, their kinds, and the permissions needed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from dataverse_sandbox.config import fixed_id
from syncapp.crm import errors
from syncapp.crm.filters.records import QueryType
from tests.crm.contract.scene import IDS, OURSELVES


def test_filters_are_read_with_own_permission(scene):
    filters = scene.filters("Rita")

    appointment = filters["appointment"]
    assert (appointment.owner_id, appointment.owner_table) == (IDS["Rita"], "systemuser")
    assert (appointment.query_type, appointment.is_on) == (QueryType.OUTLOOK_FILTER, True)
    assert "<entity" in appointment.fetch_xml
    assert appointment.parent_id
    assert appointment.modified_by == IDS["Rita"]
    assert {"contact", "task", "serviceappointment", "recurringappointmentmaster"} <= set(filters)


def test_impersonation_reads_same_filters(scene):
    rita = scene.user("Rita")

    assert scene.crm.filters.of(rita.id, acting_for=rita.acting) == scene.crm.filters.of(rita.id)


def test_inactive_filter_is_marked(scene):
    scene.change("userqueries", scene.filters("Rita")["task"].id, statecode=1, statuscode=2)

    task = scene.filters("Rita")["task"]

    assert (task.is_on, task.state, task.status) == (False, 1, 2)


def test_offline_filters_are_read_separately(scene):
    kinds = {
        each.query_type for name in IDS for each in scene.crm.filters.of(IDS[name], query_type=QueryType.OFFLINE_FILTER)
    }

    assert kinds == {QueryType.OFFLINE_FILTER}


def test_team_is_read_as_filter_owner(scene):
    teams = scene.crm.directory.teams().rows

    owned = [each for team in teams for each in scene.crm.filters.of(team.id)]

    assert {each.owner_table for each in owned} == {"team"}


def test_user_without_synchronization_has_no_filters(scene):
    for each in scene.filters("Rita").values():
        scene.delete("userqueries", each.id)

    assert scene.crm.filters.of(IDS["Rita"]) == ()


def test_no_filters_are_returned_without_privilege(scene):
    scene.give_role(OURSELVES, "Basic User")
    administrator = fixed_id("role", "System Administrator")
    scene.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({administrator})/$ref")

    assert scene.crm.filters.of(IDS["Rita"]) == ()


def test_filter_privilege_suffices_to_read_filters(scene):
    scene.give_role(OURSELVES, "Basic User")
    scene.give_role(OURSELVES, "Synchronization Filter Manager")
    administrator = fixed_id("role", "System Administrator")
    scene.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({administrator})/$ref")

    assert scene.filters("Rita")


def test_filters_are_returned_in_order_of_owners(scene):
    owners = [IDS["Rita"], uuid4(), IDS["Rob"]]

    found = scene.crm.filters.of_owners(owners)

    assert [each.owner_id for each in found] == owners
    assert [each.filters for each in found] == [scene.crm.filters.of(owner) for owner in owners]
    assert [each.error for each in found] == [None] * 3


def test_unreadable_owner_leaves_other_owners_readable(scene):
    owners = [IDS["Rita"], IDS["Rob"]]
    scene.cloud.fail({"method": "GET", "table": "userquery", "status": 403, "times": 1})

    rita, rob = scene.crm.filters.of_owners(owners)

    assert rita.filters is None
    assert isinstance(rita.error, errors.Forbidden)
    assert rob.filters


def test_incomplete_answer_raises_unreachable(scene):
    scene.cloud.fail({"path": "$batch", "cut": "after_commit"})

    with pytest.raises(errors.Unreachable):
        scene.crm.filters.of_owners([IDS["Rita"]])


def test_empty_owner_list_sends_no_request(scene):
    scene.cloud.fail({"status": 500})

    assert scene.crm.filters.of_owners([]) == ()


def test_more_than_fifty_owners_are_refused(scene):
    with pytest.raises(ValueError, match="At most 50"):
        scene.crm.filters.of_owners([uuid4()] * 51)


def test_system_filter_templates_are_marked(scene):
    found = scene.crm.filters.system_filters()

    templates = [each for each in found if each.is_template]
    shared = [each for each in found if not each.is_template]
    assert {each.query_type for each in shared} == {QueryType.OUTLOOK_FILTER}
    assert {each.state for each in shared} == {0, 1}
    assert "appointment" in {each.table for each in templates if each.is_default}


def test_impersonating_disabled_user_is_forbidden(scene):
    rita = scene.user("Rita")
    scene.disable("Rita")

    with pytest.raises(errors.Forbidden) as caught:
        scene.crm.filters.of(rita.id, acting_for=rita.acting)

    assert caught.value.code == "0x80040225"
    assert scene.crm.filters.of(rita.id)


def test_impersonating_user_without_roles_is_forbidden(scene):
    rita = scene.user("Rita")
    scene.take_roles(rita.id)

    with pytest.raises(errors.Forbidden):
        scene.crm.filters.of(rita.id, acting_for=rita.acting)


def test_impersonation_needs_privilege(scene):
    rita = scene.user("Rita")
    scene.give_role(OURSELVES, "Basic User")
    administrator = fixed_id("role", "System Administrator")
    scene.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({administrator})/$ref")

    with pytest.raises(errors.Forbidden) as caught:
        scene.crm.filters.of(rita.id, acting_for=rita.acting)

    assert caught.value.code == "0x8004A110"


def test_third_condition_hides_other_users_filters(scene):
    # This is why the client itself selects the table: with a third condition, only our own filters are returned.
    two = f"querytype eq 256 and _ownerid_value eq {IDS['Rita']}"
    assert scene.cloud.call("GET", f"userqueries?$filter={two}")["value"]

    three = scene.cloud.call("GET", f"userqueries?$filter={two} and returnedtypecode eq 'task'")

    assert three["value"] == []
