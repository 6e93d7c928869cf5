"""Conversion of JSON rows into the records of `records`, and the columns to select for them.

A row with a readable id always becomes a record; its `problem` says which value could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncapp.crm import odata, xml
from syncapp.crm.directory.records import BusinessUnit, DirectoryUser, Mailbox, Membership, Organization, Team
from syncapp.crm.errors import ProtocolError
from syncapp.crm.values.cells import Cells, bad_value, guid, text

USER_COLUMNS = (
    "systemuserid",
    "fullname",
    "internalemailaddress",
    "domainname",
    "azureactivedirectoryobjectid",
    "applicationid",
    "isdisabled",
    "accessmode",
    "_businessunitid_value",
    "_defaultmailbox_value",
)
USER_ROLES = "systemuserroles_association"
TEAM_COLUMNS = ("teamid", "name", "teamtype", "isdefault", "_businessunitid_value")
TEAM_ROLES = "teamroles_association"
MEMBERSHIP_COLUMNS = ("teamid", "systemuserid")
UNIT_COLUMNS = ("businessunitid", "name", "_parentbusinessunitid_value")
MAILBOX_COLUMNS = (
    "mailboxid",
    "name",
    "_regardingobjectid_value",
    "actdeliverymethod",
    "enabledforact",
    "actstatus",
    "incomingemaildeliverymethod",
    "outgoingemaildeliverymethod",
    "emailrouteraccessapproval",
    "isactsyncorgflagset",
    "isforwardmailbox",
    "statecode",
)


def user(row: odata.Row) -> DirectoryUser:
    """Return one systemuser with its roles expanded. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = DirectoryUser(
        id=cells.id("systemuserid"),
        name=cells.text("fullname"),
        address=cells.text("internalemailaddress"),
        login=cells.text("domainname"),
        entra_id=cells.guid("azureactivedirectoryobjectid"),
        disabled=cells.flag("isdisabled"),
        access_mode=cells.integer("accessmode"),
        is_application=cells.guid("applicationid") is not None,
        has_own_roles=cells.read(_has_rows, USER_ROLES, False),
        business_unit_id=cells.guid("_businessunitid_value"),
        business_unit_name=cells.text("_businessunitid_value" + odata.FORMATTED),
        mailbox_id=cells.guid("_defaultmailbox_value"),
    )
    return replace(found, problem=cells.problem)


def team(row: odata.Row) -> Team:
    """Return one team with its roles expanded. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = Team(
        id=cells.id("teamid"),
        name=cells.text("name"),
        kind=cells.integer("teamtype"),
        is_default=cells.flag("isdefault"),
        business_unit_id=cells.guid("_businessunitid_value"),
        has_roles=cells.read(_has_rows, TEAM_ROLES, False),
    )
    return replace(found, problem=cells.problem)


def membership(row: odata.Row) -> Membership:
    """Return one row of the table between teams and users. Raises ProtocolError when an id cannot be read."""
    return Membership(team_id=guid(row, "teamid"), user_id=guid(row, "systemuserid"))


def business_unit(row: odata.Row) -> BusinessUnit:
    """Return one business unit. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = BusinessUnit(
        id=cells.id("businessunitid"), name=cells.text("name"), parent_id=cells.guid("_parentbusinessunitid_value")
    )
    return replace(found, problem=cells.problem)


def mailbox(row: odata.Row) -> Mailbox:
    """Return one mailbox. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = Mailbox(
        id=cells.id("mailboxid"),
        name=cells.text("name"),
        user_id=cells.guid("_regardingobjectid_value"),
        method=cells.integer("actdeliverymethod"),
        enabled_for_act=cells.flag("enabledforact"),
        act_status=cells.integer_or_zero("actstatus"),
        incoming=cells.integer_or_zero("incomingemaildeliverymethod"),
        outgoing=cells.integer_or_zero("outgoingemaildeliverymethod"),
        approval=cells.integer_or_zero("emailrouteraccessapproval"),
        syncs_this_organization=cells.flag("isactsyncorgflagset"),
        is_forward=cells.flag("isforwardmailbox"),
        state=cells.integer("statecode"),
        etag=cells.etag(),
    )
    return replace(found, problem=cells.problem)


def organization(row: odata.Row) -> Organization:
    """Return the organization; settings that cannot be read are None, not empty."""
    # <OrgSettings><Name>value</Name>...</OrgSettings>; empty if no setting was ever changed
    # ("Environment database settings").
    document = text(row, "orgdborgsettings")
    settings: Mapping[str, str] | None
    try:
        settings = {element.tag: element.text or "" for element in xml.parse(document)} if document else {}
    except ProtocolError:
        settings = None
    return Organization(id=guid(row, "organizationid"), name=text(row, "name"), settings=settings)


def _has_rows(row: odata.Row, name: str) -> bool:
    related = row.get(name)
    if not isinstance(related, list):
        raise bad_value(name, related)
    return bool(related)
