"""Reads of the directory: complete pages, and all facts that matter for a run."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from dataverse_sandbox.config import BUSINESS_UNIT_ID, ORGANIZATION_ID
from syncapp.crm.directory.records import SyncMethod, TeamKind
from syncapp.crm.errors import ProtocolError
from tests.crm.contract.scene import IDS, OURSELVES


def _all(read) -> list:
    rows, page = [], read("")
    while True:
        rows += page.rows
        if not page.next_link:
            return rows
        page = read(page.next_link)


@pytest.mark.parametrize("name", ["users", "teams", "memberships", "business_units", "mailboxes"])
@pytest.mark.parametrize("size", [1, 3, 5000])
def test_pages_have_every_row_once(scene, name, size):
    method = getattr(scene.crm.directory, name)

    rows = _all(lambda link: method(link, page_size=size))

    assert sorted(rows, key=repr) == sorted(_all(method), key=repr)
    assert len(set(rows)) == len(rows) > 1


def test_user_has_identity_and_business_unit(scene):
    units = {unit.id: unit.name for unit in scene.crm.directory.business_units().rows}

    rita = scene.user("Rita")

    assert (rita.name, rita.address) == ("Rita Lindqvist", "rita.lindqvist@contoso.example")
    assert units[rita.business_unit_id] == rita.business_unit_name
    assert rita.entra_id
    assert rita.mailbox_id
    assert (rita.disabled, rita.is_application, rita.has_own_roles) == (False, False, True)


def test_own_user_is_application(scene):
    (ourselves,) = scene.crm.directory.users_by_id([OURSELVES])

    assert ourselves.is_application


def test_disabled_user_is_marked(scene):
    scene.disable("Rita")

    assert scene.user("Rita").disabled


def test_user_without_roles_is_marked(scene):
    scene.take_roles(IDS["Rita"])

    assert not scene.user("Rita").has_own_roles


def test_unknown_users_are_absent(scene):
    assert scene.crm.directory.users_by_id([uuid4()]) == ()
    assert scene.crm.directory.users_by_id([]) == ()


def test_more_users_than_fit_one_url_are_found(scene):
    wanted = [IDS["Rita"], *(uuid4() for _ in range(90)), IDS["Rob"]]

    found = scene.crm.directory.users_by_id(wanted)

    assert {user.id for user in found} == {IDS["Rita"], IDS["Rob"]}


def test_team_has_business_unit_and_members(scene):
    team = scene.crm.directory.teams().rows[0]
    members = [each.user_id for each in scene.crm.directory.memberships().rows if each.team_id == team.id]

    assert team.business_unit_id == UUID(BUSINESS_UNIT_ID)
    assert members
    assert not team.is_managed_by_entra


def test_entra_team_is_marked(scene):
    team = scene.crm.directory.teams().rows[0]
    scene.change("teams", team.id, teamtype=int(TeamKind.ENTRA_SECURITY_GROUP))

    assert scene.crm.directory.teams().rows[0].is_managed_by_entra


def test_team_with_roles_is_marked(scene):
    team = scene.crm.directory.teams().rows[0]
    (role, *_) = scene.roles(IDS["Rita"])
    body = {"@odata.id": f"{scene.cloud.url}/api/data/v9.2/roles({role})"}
    scene.cloud.call("POST", f"teams({team.id})/teamroles_association/$ref", body)

    assert [each.has_roles for each in scene.crm.directory.teams().rows if each.id == team.id] == [True]


def test_business_units_form_a_tree(scene):
    units = {unit.id: unit for unit in scene.crm.directory.business_units().rows}

    roots = [unit for unit in units.values() if unit.parent_id is None]
    assert [root.id for root in roots] == [UUID(BUSINESS_UNIT_ID)]
    assert all(unit.parent_id in units for unit in units.values() if unit not in roots)


def test_mailbox_has_sync_method(scene):
    rita = scene.user("Rita")
    scene.change("mailboxes", rita.mailbox_id, actdeliverymethod=1, enabledforact=True, actstatus=2)

    (mailbox,) = scene.crm.directory.mailboxes_by_id([rita.mailbox_id])

    assert (mailbox.method, mailbox.enabled_for_act, mailbox.act_status) == (SyncMethod.SERVER_SIDE, True, 2)
    assert (mailbox.user_id, mailbox.state) == (rita.id, 0)


@pytest.mark.parametrize(
    ("stored", "apart"),
    [
        (None, False),
        ("<OrgSettings></OrgSettings>", False),
        ("<OrgSettings><Other>true</Other></OrgSettings>", False),
        (
            "<OrgSettings><DistinctPhysicalAndLogicalDeletesForExchangeSync>true"
            "</DistinctPhysicalAndLogicalDeletesForExchangeSync></OrgSettings>",
            True,
        ),
        (
            "<OrgSettings><DistinctPhysicalAndLogicalDeletesForExchangeSync>false"
            "</DistinctPhysicalAndLogicalDeletesForExchangeSync></OrgSettings>",
            False,
        ),
        ("<OrgSettings>", None),
        ("<!DOCTYPE x [<!ENTITY y 'true'>]><OrgSettings><A>&y;</A></OrgSettings>", None),
    ],
)
def test_organization_delete_setting_is_read(scene, stored, apart):
    scene.change("organizations", UUID(ORGANIZATION_ID), orgdborgsettings=stored)

    organization = scene.crm.directory.organization()

    assert (organization.id, organization.keeps_deletes_apart) == (UUID(ORGANIZATION_ID), apart)


def test_foreign_link_is_not_followed(scene):
    with pytest.raises(ProtocolError):
        scene.crm.directory.users("https://contoso.example/api/data/v9.2/systemusers")


def test_table_facts_are_read(scene):
    facts = scene.crm.table_facts("userquery")

    assert (facts.table, facts.set_name, facts.object_type_code) == ("userquery", "userqueries", 4230)
    assert isinstance(facts.keeps_versions, bool)
