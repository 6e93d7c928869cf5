"""Roles, privileges, teams, business units, and the rows that describe the environment itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from random import Random

from dataverse_sandbox import config, plugin
from dataverse_sandbox.catalog import (
    BUILT_IN,
    BUSINESS_UNIT,
    PRIVILEGE,
    PUBLISHER,
    ROLE,
    ROLE_PRIVILEGES,
    SDK_MESSAGE,
    SDK_MESSAGE_FILTER,
    SOLUTION,
    STEP,
    TEAM,
    TEAM_MEMBERSHIP,
    USER_ROLES,
    Table,
)
from dataverse_sandbox.rights import ACT_FOR_OTHERS, ADMIN_FILTER, ADMINISTRATOR, OTHER_PRIVILEGES, RESTRICTED
from dataverse_sandbox.seed.material import new_id, row
from dataverse_sandbox.store import Row

Rows = Iterator[tuple[Table, Row]]
BASIC, DELEGATE, FILTER_KEEPER = "Basic User", "Delegate", "Synchronization Filter Manager"
ROLES = (ADMINISTRATOR, BASIC, DELEGATE, FILTER_KEEPER, RESTRICTED)
VERBS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
TEAMS = ("Sales North", "Sales South", "Service Desk", "Management", "Exchange pilot group")
UNITS = ("Contoso Europe", "Contoso Services")
MESSAGES = ("Create", "Update", "Delete", "CreateMultiple", "UpdateMultiple", "UpsertMultiple")
_EVERYDAY = frozenset({"Contact", "Account", "Activity", "UserQuery", "osync_SyncRecord", "osync_SyncField"})


def role_id(name: str) -> str:
    return config.fixed_id("role", name)


def unit_id(name: str) -> str:
    return config.fixed_id("businessunit", name)


def team_id(name: str) -> str:
    return config.fixed_id("team", name)


def _privileges() -> list[str]:
    stems = dict.fromkeys(table.privilege for table in BUILT_IN.tables if table.privilege and table.writable)
    return [*(f"prv{verb}{stem}" for stem in stems for verb in VERBS), *OTHER_PRIVILEGES]


def _held_by(role: str, privilege: str) -> bool:
    if role in (ADMINISTRATOR, RESTRICTED):
        return True
    if role == BASIC:
        verb = next((verb for verb in sorted(VERBS, key=len, reverse=True) if privilege.startswith(f"prv{verb}")), "")
        is_everyday = verb == "Read" or privilege.removeprefix(f"prv{verb}") in _EVERYDAY
        return is_everyday and privilege not in OTHER_PRIVILEGES
    return privilege == {DELEGATE: ACT_FOR_OTHERS, FILTER_KEEPER: ADMIN_FILTER}[role]


def security(moment: datetime.datetime) -> Rows:
    """Return units, teams, roles and their privileges."""
    for name in UNITS:
        values: Row = {"businessunitid": unit_id(name), "name": name, "parentbusinessunitid": config.BUSINESS_UNIT_ID}
        yield BUSINESS_UNIT, row(BUSINESS_UNIT, moment, values)
    for name in TEAMS:
        values = {"teamid": team_id(name), "name": name, "businessunitid": config.BUSINESS_UNIT_ID}
        yield TEAM, row(TEAM, moment, values)
    for name in ROLES:
        values = {"roleid": role_id(name), "name": name, "businessunitid": config.BUSINESS_UNIT_ID}
        yield ROLE, row(ROLE, moment, values)
    for name in _privileges():
        identity = config.fixed_id("privilege", name)
        yield PRIVILEGE, row(PRIVILEGE, moment, {"privilegeid": identity, "name": name})
        for role in ROLES:
            if _held_by(role, name):
                values = {"roleprivilegesid": config.fixed_id("held", role, name), "roleid": role_id(role)}
                yield ROLE_PRIVILEGES, row(ROLE_PRIVILEGES, moment, {**values, "privilegeid": identity})


def components(moment: datetime.datetime) -> Rows:
    """Return messages with their tables, the plug-in's step, a publisher and solutions."""
    for name in MESSAGES:
        yield SDK_MESSAGE, row(SDK_MESSAGE, moment, {"sdkmessageid": _message_id(name), "name": name})
        for table in BUILT_IN.tables:
            values: Row = {
                "sdkmessagefilterid": config.fixed_id("sdkmessagefilter", name, table.name),
                "name": name,
                "primaryobjecttypecode": table.name,
                "secondaryobjecttypecode": "none",
                "iscustomprocessingstepallowed": 1,
                "sdkmessageid": _message_id(name),
            }
            yield SDK_MESSAGE_FILTER, row(SDK_MESSAGE_FILTER, moment, values)
    yield STEP, row(STEP, moment, _plugin_step())
    yield from _solutions(moment)


def _message_id(name: str) -> str:
    return config.fixed_id("sdkmessage", name)


def _plugin_step() -> Row:
    return {
        "sdkmessageprocessingstepid": plugin.STEP_ID,
        "name": "Stage and restore what Outlook changes",
        "mode": 0,
        "stage": 20,
        "rank": 1,
        "canbebypassed": 1,
        "sdkmessageid": _message_id("Update"),
        "sdkmessagefilterid": config.fixed_id("sdkmessagefilter", "Update", "contact"),
    }


def _solutions(moment: datetime.datetime) -> Rows:
    publisher = config.fixed_id("publisher", "contoso")
    values: Row = {"publisherid": publisher, "uniquename": "contoso", "friendlyname": "Contoso"}
    yield PUBLISHER, row(PUBLISHER, moment, {**values, "customizationprefix": "osync"})
    for name, label in (("Default", "Default Solution"), ("OutlookSync", "Outlook staging")):
        solution: Row = {
            "solutionid": config.fixed_id("solution", name),
            "uniquename": name,
            "friendlyname": label,
            "version": "1.0.0.0",
            "isvisible": 1,
            "publisherid": publisher,
        }
        yield SOLUTION, row(SOLUTION, moment, solution)


def roles_and_teams(random: Random, users: list[Row], moment: datetime.datetime) -> Rows:
    """Assign roles: administrator to the application and Ada, the basic role to most others, none to a few."""
    known = {config.APPLICATION_USER_ID, *(person.user_id for person in (*config.PEOPLE, config.EDITOR))}
    for index, user in enumerate(users):
        identity = str(user["systemuserid"])
        for role in _roles_of(identity, index, is_known=identity in known):
            values: Row = {"systemuserrolesid": new_id(random), "systemuserid": identity, "roleid": role_id(role)}
            yield USER_ROLES, row(USER_ROLES, moment, values)
        if identity != config.APPLICATION_USER_ID:
            values = {"teammembershipid": new_id(random), "systemuserid": identity}
            team = TEAMS[index % (len(TEAMS) - 1)] if index % 16 else TEAMS[-1]
            yield TEAM_MEMBERSHIP, row(TEAM_MEMBERSHIP, moment, {**values, "teamid": team_id(team)})


def _roles_of(user: str, index: int, *, is_known: bool) -> tuple[str, ...]:
    if user == config.APPLICATION_USER_ID:
        return (ADMINISTRATOR,)
    if user == config.person("Ada Brennan").user_id:
        return (ADMINISTRATOR, BASIC)
    return () if not is_known and index % 37 == 20 else (BASIC,)


def vary(users: list[Row]) -> None:
    """Disable or move a few people, but never those known by name."""
    for index, user in enumerate(users):
        if index % 41 == 24:
            user["isdisabled"] = 1
        if index % 3 == 1:
            user["businessunitid"] = unit_id(UNITS[index % 2])
