"""The list of privileges."""

from __future__ import annotations

from syncapp.crm.names import Names
from syncapp.tenant import privileges
from syncapp.tenant.privileges import Purpose


def test_each_privilege_is_listed_once() -> None:
    keys = [privilege.key for privilege in privileges.needed(Names())]

    assert len(keys) == len(set(keys))


def test_each_privilege_has_purpose_and_reason() -> None:
    assert all(privilege.purposes and privilege.reason for privilege in privileges.needed(Names()))


def test_alternative_privileges_are_listed() -> None:
    needed = privileges.needed(Names())
    assert {each.instead for each in needed if each.instead} <= {each.name for each in needed}


def test_staging_privileges_use_configured_names() -> None:
    needed = privileges.needed(Names.from_mapping({"record_table": "acme_edit"}))

    assert "prvReadacme_edit" in {privilege.name for privilege in needed if Purpose.REVIEW in privilege.purposes}


def test_unused_powerful_privileges_are_named() -> None:
    held = ["prvDeleteContact", "prvReadLead", "prvWritecontact", "prvPublishCustomization"]

    assert privileges.not_needed(held, Names()) == ("prvDeleteContact", "prvPublishCustomization")
