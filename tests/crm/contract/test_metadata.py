"""Definitions of tables and keys, and roles and privileges of users."""

from __future__ import annotations

import pytest

from syncapp.crm.directions.records import CONTACT_CODE, Direction
from syncapp.crm.errors import NotFound
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import OURSELVES


def test_table_definition_is_read(cloud: Cloud) -> None:
    found = cloud.client().metadata.table("contact")

    assert (found.name, found.set_name, found.id_column) == ("contact", "contacts", "contactid")
    assert found.object_type_code == 2
    assert found.tracks_changes


def test_missing_table_raises_not_found(cloud: Cloud) -> None:
    with pytest.raises(NotFound):
        cloud.client().metadata.table("osync_nothing")


def test_direction_of_field_is_read(cloud: Cloud) -> None:
    directions = cloud.client().directions

    found = {each.column: each for each in directions.of(OURSELVES)}

    assert (found["jobtitle"].direction, found["jobtitle"].table_code) == (Direction.BOTH, CONTACT_CODE)
    assert "address1_city" in found["address1"].columns
    assert directions.stored(found["jobtitle"].id).direction == Direction.BOTH


def test_alternate_key_and_its_index_are_read(cloud: Cloud) -> None:
    (key,) = cloud.client().metadata.keys("osync_syncrecord")

    assert key.columns == ("osync_operationid",)
    assert key.is_enforced


def test_own_account_has_name_and_roles(cloud: Cloud) -> None:
    found = cloud.client().accounts.account(OURSELVES)

    assert (found.name, found.is_disabled) == ("# Outlook Sync Portal", False)
    assert found.application_id is not None
    assert "System Administrator" in found.roles


def test_privileges_have_their_depth(cloud: Cloud) -> None:
    held = {each.name: each.depth for each in cloud.client().accounts.privileges(OURSELVES)}

    assert held["prvReadContact"] == "Global"


def test_users_are_found_by_full_name(cloud: Cloud) -> None:
    assert cloud.client().accounts.ids_by_name("# Outlook Sync Portal") == (OURSELVES,)
    assert cloud.client().accounts.ids_by_name("Nobody's name") == ()
