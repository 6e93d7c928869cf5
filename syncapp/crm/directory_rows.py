"""From JSON rows to the records of `directory_records`, strictly; and what has to be selected for them."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp.crm import odata, xml
from syncapp.crm.cells import etag, flag, guid, optional_guid, text, whole, whole_or_zero, wrong
from syncapp.crm.directory_records import BusinessUnit, DirectoryUser, Mailbox, Membership, Organization, Team
from syncapp.crm.errors import ProtocolError

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
    """One systemuser with its roles expanded."""
    return DirectoryUser(
        id=guid(row, "systemuserid"),
        name=text(row, "fullname"),
        address=text(row, "internalemailaddress"),
        login=text(row, "domainname"),
        entra_id=optional_guid(row, "azureactivedirectoryobjectid"),
        disabled=flag(row, "isdisabled"),
        access_mode=whole(row, "accessmode"),
        is_application=optional_guid(row, "applicationid") is not None,
        has_own_roles=_has_some(row, USER_ROLES),
        business_unit_id=optional_guid(row, "_businessunitid_value"),
        business_unit_name=text(row, "_businessunitid_value" + odata.FORMATTED),
        mailbox_id=optional_guid(row, "_defaultmailbox_value"),
    )


def team(row: odata.Row) -> Team:
    """One team with its roles expanded."""
    return Team(
        id=guid(row, "teamid"),
        name=text(row, "name"),
        kind=whole(row, "teamtype"),
        is_default=flag(row, "isdefault"),
        business_unit_id=optional_guid(row, "_businessunitid_value"),
        has_roles=_has_some(row, TEAM_ROLES),
    )


def membership(row: odata.Row) -> Membership:
    """One row of the table between teams and users."""
    return Membership(team_id=guid(row, "teamid"), user_id=guid(row, "systemuserid"))


def business_unit(row: odata.Row) -> BusinessUnit:
    """One business unit."""
    return BusinessUnit(
        id=guid(row, "businessunitid"),
        name=text(row, "name"),
        parent_id=optional_guid(row, "_parentbusinessunitid_value"),
    )


def mailbox(row: odata.Row) -> Mailbox:
    """One mailbox."""
    return Mailbox(
        id=guid(row, "mailboxid"),
        name=text(row, "name"),
        user_id=optional_guid(row, "_regardingobjectid_value"),
        method=whole(row, "actdeliverymethod"),
        enabled_for_act=flag(row, "enabledforact"),
        act_status=whole_or_zero(row, "actstatus"),
        incoming=whole_or_zero(row, "incomingemaildeliverymethod"),
        outgoing=whole_or_zero(row, "outgoingemaildeliverymethod"),
        approval=whole_or_zero(row, "emailrouteraccessapproval"),
        syncs_this_organization=flag(row, "isactsyncorgflagset"),
        is_forward=flag(row, "isforwardmailbox"),
        state=whole(row, "statecode"),
        etag=etag(row),
    )


def organization(row: odata.Row) -> Organization:
    """The organization; settings that cannot be read are unknown, not empty."""
    return Organization(
        id=guid(row, "organizationid"),
        name=text(row, "name"),
        settings=_settings(text(row, "orgdborgsettings")),
    )


def _settings(document: str) -> Mapping[str, str] | None:
    # <OrgSettings><Name>value</Name>...</OrgSettings>; empty where nothing was ever changed
    # ("Environment database settings").
    if not document:
        return {}
    try:
        return {element.tag: element.text or "" for element in xml.parse(document)}
    except ProtocolError:
        return None


def _has_some(row: odata.Row, name: str) -> bool:
    related = row.get(name)
    if not isinstance(related, list):
        raise wrong(name)
    return bool(related)
