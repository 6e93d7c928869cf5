"""Privileges: each one that is taken away is reported on its own line."""

from __future__ import annotations

import pytest

from syncapp.crm.names import Names
from syncapp.tenant import privileges
from syncapp.tenant.checks.findings import Level
from syncapp.tenant.checks.privileges import MORE, check_id
from syncapp.tenant.privileges import ACT_FOR_OTHERS, ADMIN_FILTER, Privilege
from tests.support.world import World
from tests.tenant.checks.conftest import WHO_AM_I, Ask, answer_of, answering

NEEDED = privileges.needed(Names())


@pytest.mark.parametrize("privilege", NEEDED, ids=lambda privilege: privilege.name)
def test_privilege_taken_away_is_reported_as_missing(ask: Ask, company: World, privilege: Privilege) -> None:
    assert ask(check_id(privilege)).level is Level.OK
    without = [privilege.name, *([privilege.instead] if privilege.instead else [])]

    company.take_away(*without)

    found = ask(check_id(privilege))
    assert found.level is (Level.FAILED if privilege.required else Level.WARNING)
    assert (found.answer, privilege.name in found.remedy) == ("not held", True)


def test_other_privileges_are_unknown_if_listing_is_refused(ask: Ask, company: World) -> None:
    company.take_away("prvReadUser")

    assert ask("privilege.prvwritecontact").level is Level.UNKNOWN
    assert ask("privilege.prvreaduser").level is Level.FAILED


def test_alternative_privilege_is_accepted(ask: Ask, company: World) -> None:
    company.take_away(ADMIN_FILTER)

    found = ask(f"privilege.{ADMIN_FILTER.lower()}")

    assert found.level is Level.WARNING
    assert ACT_FOR_OTHERS in found.meaning


@pytest.mark.parametrize(("depth", "level"), [("Global", Level.OK), ("Basic", Level.FAILED)])
def test_privilege_for_own_rows_is_not_enough(depth, level) -> None:
    held = {"RolePrivileges": [{"PrivilegeName": "prvWriteContact", "Depth": depth}]}

    with answering({"WhoAmI": WHO_AM_I, "RetrieveUserPrivileges": held}) as context:
        assert answer_of("privilege.prvwritecontact", context).level is level


def test_privileges_of_missing_tables_are_unknown(ask: Ask, company: World) -> None:
    company.bare()

    assert ask("privilege.prvreadosync_syncrecord").level is Level.UNKNOWN


def test_unused_privileges_are_named(ask: Ask) -> None:
    found = ask(MORE)

    assert found.level is Level.WARNING
    assert "prvDeleteContact" in found.items
    assert not {privilege.name for privilege in NEEDED} & set(found.items)


def test_role_with_only_needed_privileges_passes() -> None:
    held = [{"PrivilegeName": privilege.name, "Depth": "Global"} for privilege in NEEDED]

    with answering({"WhoAmI": WHO_AM_I, "RetrieveUserPrivileges": {"RolePrivileges": held}}) as context:
        assert answer_of(MORE, context).level is Level.OK
