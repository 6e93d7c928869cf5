"""Values in docs/how-to/connect.md match those in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from syncapp.checks.hosts import CRM_HOST, GRAPH_HOSTS
from syncapp.crm.auth.authority import MICROSOFT_HOSTS
from syncapp.crm.names import Names
from syncapp.models.person import Role
from syncapp.tenant import privileges
from syncapp.tenant.privileges import Purpose

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs/how-to/connect.md").read_text(encoding="utf-8")
SETTINGS = (PROJECT / "portal/settings.py").read_text(encoding="utf-8")
CONFIGURATION = (PROJECT / "docs/reference/configuration.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text of one section."""
    found = re.search(rf"^##+ (?:\d+\. )?{re.escape(title)}$(.+?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a section's tables, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_documented_app_roles_match_code() -> None:
    values = [cells[1].strip("`") for cells in rows(section("Create the app roles"))[1:]]

    assert values == [role.value for role in Role]


def test_redirect_address_leads_to_the_sign_in() -> None:
    (path,) = set(re.findall(r"`https://outlook-sync\.contoso\.com(/[^`]+)`", section("Register the application")))

    assert resolve(path).url_name == "sign_in_callback"
    with pytest.raises(Resolver404):
        resolve(f"{path}/")


def test_documented_settings_exist() -> None:
    named = {name.removesuffix("_FILE") for name in re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", TEXT)}

    assert {"BASE_URL", "CRM_CLIENT_CERTIFICATE"} <= named
    assert [name for name in sorted(named) if f'"{name}"' not in SETTINGS] == []
    assert [name for name in sorted(named) if f"`{name}`" not in CONFIGURATION] == []


def test_documented_commands_exist() -> None:
    commands = set(re.findall(r"manage\.py (\w+)", TEXT))

    assert {"crm_check", "crm_setup"} <= commands
    assert commands <= set(get_commands())


@pytest.mark.parametrize("purpose", list(Purpose))
def test_documented_privileges_match_code(purpose: Purpose) -> None:
    listed = {
        cells[0].strip("`"): cells[-1] for cells in rows(section("Give the application user a security role"))[1:]
    }
    needed = [each for each in privileges.needed(Names()) if purpose in each.purposes]

    assert {each.name: each.reason for each in needed} == {each.name: listed.get(each.name) for each in needed}
    assert set(listed) <= {each.name for each in privileges.needed(Names())}


def test_optional_privileges_are_marked() -> None:
    for name, *_, purposes, _reason in rows(section("Give the application user a security role"))[1:]:
        one = next(each for each in privileges.needed(Names()) if each.name == name.strip("`"))

        assert one.required is ("optional" not in purposes)


def test_documented_national_cloud_hosts_are_known() -> None:
    for _, authority, crm, graph in rows(section("National clouds"))[1:]:
        assert authority.strip("`").split("/")[2] in MICROSOFT_HOSTS
        assert CRM_HOST.fullmatch("contoso" + crm.strip("`"))
        assert graph.strip("`").removeprefix("https://") in GRAPH_HOSTS


@pytest.mark.parametrize(
    ("title", "command"),
    [("Create the staging tables and the security role", "crm_setup"), ("Check the connection", "crm_check")],
)
def test_documented_options_exist(title: str, command: str) -> None:
    parser = load_command_class("syncapp", command).create_parser("manage.py", command)
    known = {option for action in parser._actions for option in action.option_strings}
    named = set(re.findall(r"--[a-z][a-z-]+", re.sub(r"^az .*$", "", section(title), flags=re.MULTILINE)))

    assert named
    assert named <= known
