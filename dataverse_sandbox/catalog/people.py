"""Users, teams and roles, which decide privileges and ownership, and the other tables about people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dataverse_sandbox import config
from dataverse_sandbox.catalog.columns import (
    Column,
    Kind,
    Link,
    Table,
    amounts_of,
    choice,
    coded,
    derived,
    in_base_currency,
    indexed,
    integer,
    lookup,
    memo,
    money,
    owning,
    owning_of,
    state_columns,
    system_columns,
    text,
    yes_no,
)

BUSINESS_UNIT = Table(
    name="businessunit",
    set_name="businessunits",
    schema_name="BusinessUnit",
    privilege="BusinessUnit",
    label="Business Unit",
    plural_label="Business Units",
    object_type_code=10,
    primary_name="name",
    columns=(
        *system_columns("businessunitid", "Business Unit"),
        text("name", "Name", 160, required="SystemRequired"),
        text("divisionname", "Division", 100),
        lookup(
            "parentbusinessunitid",
            "Parent Business",
            "businessunit",
            businessunit="business_unit_parent_business_unit",
        ),
        yes_no("isdisabled", "Is Disabled", "No", "Yes"),
    ),
)
CURRENCY = Table(
    name="transactioncurrency",
    set_name="transactioncurrencies",
    schema_name="TransactionCurrency",
    label="Currency",
    plural_label="Currencies",
    object_type_code=9105,
    primary_name="currencyname",
    columns=(
        *system_columns("transactioncurrencyid", "Currency"),
        text("currencyname", "Currency Name", 100),
        text("isocurrencycode", "Currency Code", 5),
        text("currencysymbol", "Currency Symbol", 13),
    ),
    change_tracking=False,
    writable=False,
)
ORGANIZATION = Table(
    name="organization",
    set_name="organizations",
    schema_name="Organization",
    privilege="Organization",
    label="Organization",
    plural_label="Organizations",
    object_type_code=1019,
    primary_name="name",
    columns=(
        *system_columns("organizationid", "Organization"),
        text("name", "Organization Name", 160),
        Column("languagecode", Kind.INTEGER, "Language"),
        Column("expirechangetrackingindays", Kind.INTEGER, "Days to Expire Change Tracking Deltas"),
        memo("orgdborgsettings", "Organization Database Organization Settings"),
        yes_no("isauditenabled", "Is Auditing Enabled", "No", "Yes"),
        integer("auditretentionperiodv2", "Audit Retention Period Settings", minimum=-1, maximum=365_000),
    ),
    change_tracking=False,
)


def _full_name(row: Mapping[str, object]) -> dict[str, object]:
    """Return `fullname` from its parts; the application user has a single name."""
    parts = [str(row[name]) for name in ("firstname", "lastname") if row.get(name)]
    return {"fullname": " ".join(parts) or row.get("fullname")}


SYSTEM_USER = Table(
    name="systemuser",
    set_name="systemusers",
    schema_name="SystemUser",
    privilege="User",
    label="User",
    plural_label="Users",
    object_type_code=8,
    primary_name="fullname",
    columns=(
        *system_columns("systemuserid", "User"),
        derived(indexed(text("fullname", "Full Name", 200))),
        text("firstname", "First Name", 256),
        text("lastname", "Last Name", 256),
        indexed(text("internalemailaddress", "Primary Email", 100, text_format="Email")),
        indexed(text("domainname", "User Name", 1024)),
        text("jobtitle", "Title", 100),
        indexed(Column("azureactivedirectoryobjectid", Kind.GUID, "Azure AD Object ID")),
        Column("applicationid", Kind.GUID, "Application ID"),
        yes_no("isdisabled", "Status", "Enabled", "Disabled"),
        yes_no("islicensed", "User Licensed", "No", "Yes"),
        choice(
            "accessmode",
            "Access Mode",
            *("Read-Write", "Administrative", "Read", "Support User", "Non-interactive", "Delegated Admin"),
            first=0,
            default=0,
        ),
        lookup("businessunitid", "Business Unit", "businessunit", businessunit="business_unit_system_users"),
        lookup("parentsystemuserid", "Manager", "systemuser", systemuser="user_parent_user"),
        lookup("defaultmailbox", "Mailbox", "mailbox", mailbox="systemuser_defaultmailbox_mailbox"),
    ),
    computed=_full_name,
)
TEAM = Table(
    name="team",
    set_name="teams",
    schema_name="Team",
    privilege="Team",
    label="Team",
    plural_label="Teams",
    object_type_code=9,
    primary_name="name",
    columns=(
        *system_columns("teamid", "Team"),
        indexed(text("name", "Team Name", 160, required="SystemRequired")),
        memo("description", "Description", 2_000),
        choice("teamtype", "Team Type", "Owner", "Access", "Security Group", "Office Group", first=0, default=0),
        Column("azureactivedirectoryobjectid", Kind.GUID, "Object Id for a group"),
        yes_no("isdefault", "Is Default", "No", "Yes"),
        lookup("businessunitid", "Business Unit", "businessunit", businessunit="business_unit_teams"),
        lookup("administratorid", "Administrator", "systemuser", systemuser="lk_team_administratorid"),
    ),
)
ROLE = Table(
    name="role",
    set_name="roles",
    schema_name="Role",
    privilege="Role",
    label="Security Role",
    plural_label="Security Roles",
    object_type_code=1036,
    primary_name="name",
    columns=(
        *system_columns("roleid", "Role"),
        indexed(text("name", "Name", 100, required="SystemRequired")),
        lookup("businessunitid", "Business Unit", "businessunit", businessunit="business_unit_roles"),
    ),
)
PRIVILEGE = Table(
    name="privilege",
    set_name="privileges",
    schema_name="Privilege",
    label="Privilege",
    plural_label="Privileges",
    object_type_code=1023,
    primary_name="name",
    columns=(
        *system_columns("privilegeid", "Privilege"),
        indexed(text("name", "Name", 100)),
        integer("accessright", "Access Right"),
    ),
    change_tracking=False,
    writable=False,
)


def _intersect(
    name: str, set_name: str, schema_name: str, code: int, collection: str, first: str, second: str
) -> Table:
    """Return a table of pairs, which only associating and disassociating writes."""
    pair = tuple(
        replace(lookup(f"{target}id", target.capitalize(), target, on_delete="cascade"), is_half=True)
        for target in (first, second)
    )
    return Table(
        name=name,
        set_name=set_name,
        schema_name=schema_name,
        label=schema_name,
        plural_label=schema_name,
        object_type_code=code,
        primary_name=f"{name}id",
        columns=(*system_columns(f"{name}id", schema_name), *pair),
        link=Link(collection, (f"{first}id", f"{second}id")),
        writable=False,
    )


TEAM_MEMBERSHIP = _intersect(
    "teammembership", "teammemberships", "TeamMembership", 23, "teammembership_association", "team", "systemuser"
)
USER_ROLES = _intersect(
    "systemuserroles",
    "systemuserrolescollection",
    "SystemUserRoles",
    15,
    "systemuserroles_association",
    *("systemuser", "role"),
)
TEAM_ROLES = _intersect("teamroles", "teamrolescollection", "TeamRoles", 40, "teamroles_association", "team", "role")
ROLE_PRIVILEGES = _intersect(
    "roleprivileges",
    "roleprivilegescollection",
    "RolePrivileges",
    12,
    "roleprivileges_association",
    *("role", "privilege"),
)
_ACCOUNT_AMOUNTS = (money("revenue", "Annual Revenue"), money("creditlimit", "Credit Limit"))


def _account(row: Mapping[str, object]) -> dict[str, object]:
    names = (column.name for column in _ACCOUNT_AMOUNTS)
    return {**owning_of(row), **amounts_of(row, config.CURRENCY_ID, *names)}


ACCOUNT = Table(
    name="account",
    set_name="accounts",
    schema_name="Account",
    privilege="Account",
    computed=_account,
    label="Account",
    plural_label="Accounts",
    object_type_code=1,
    primary_name="name",
    indexes=("name", "modifiedon"),
    columns=(
        *system_columns("accountid", "Account"),
        text("name", "Account Name", 160, required="ApplicationRequired"),
        indexed(text("accountnumber", "Account Number", 20)),
        text("telephone1", "Main Phone", 50, text_format="Phone"),
        text("fax", "Fax", 50, text_format="Phone"),
        text("websiteurl", "Website", 200, text_format="Url"),
        text("emailaddress1", "Email", 100, text_format="Email"),
        text("address1_line1", "Address 1: Street 1", 250),
        text("address1_line2", "Address 1: Street 2", 250),
        text("address1_city", "Address 1: City", 80),
        text("address1_stateorprovince", "Address 1: State/Province", 50),
        text("address1_postalcode", "Address 1: ZIP/Postal Code", 20),
        text("address1_country", "Address 1: Country/Region", 80),
        choice("industrycode", "Industry", "Accounting", "Agriculture", "Broadcasting", "Brokers", "Construction"),
        choice("customertypecode", "Relationship Type", "Competitor", "Consultant", "Customer", "Investor", "Partner"),
        coded("accountcategorycode", "Category", (1, "Preferred Customer"), (2, "Standard")),
        *_ACCOUNT_AMOUNTS,
        *in_base_currency(*_ACCOUNT_AMOUNTS),
        integer("numberofemployees", "Number of Employees", minimum=0),
        yes_no("creditonhold", "Credit Hold", "No", "Yes"),
        yes_no("donotemail", "Do not allow Emails", "Allow", "Do Not Allow"),
        memo("description", "Description", 2_000),
        lookup("primarycontactid", "Primary Contact", "contact", contact="account_primary_contact"),
        lookup("parentaccountid", "Parent Account", "account", account="account_parent_account"),
        lookup("transactioncurrencyid", "Currency", "transactioncurrency"),
        *owning(),
        *state_columns("Active", "Inactive"),
    ),
)
EMAIL_SERVER_PROFILE = Table(
    name="emailserverprofile",
    set_name="emailserverprofiles",
    schema_name="EmailServerProfile",
    privilege="EmailServerProfile",
    label="Email Server Profile",
    plural_label="Email Server Profiles",
    object_type_code=9605,
    primary_name="name",
    columns=(
        *system_columns("emailserverprofileid", "Email Server Profile"),
        text("name", "Name", 200, required="SystemRequired"),
        choice("servertype", "Email Server Type", "Exchange Server", "Other (POP3/SMTP)", first=0),
        *owning(),
        *state_columns("Active", "Inactive"),
    ),
    computed=owning_of,
)
_DELIVERY = ((0, "None"), (1, "Microsoft Dynamics 365 for Outlook"), (2, "Server-Side Synchronization or Email Router"))
_RESULTS = ("Not Run", "Success", "Failure")
MAILBOX = Table(
    name="mailbox",
    set_name="mailboxes",
    schema_name="Mailbox",
    privilege="Mailbox",
    label="Mailbox",
    plural_label="Mailboxes",
    computed=owning_of,
    object_type_code=9606,
    primary_name="name",
    columns=(
        *system_columns("mailboxid", "Mailbox"),
        text("name", "Name", 200, required="SystemRequired"),
        indexed(text("emailaddress", "Email Address", 100, text_format="Email")),
        choice(
            "actdeliverymethod",
            "Appointments, Contacts, and Tasks",
            *("Microsoft Dynamics 365 for Outlook", "Server-Side Synchronization", "None"),
            first=0,
            default=2,
        ),
        coded("incomingemaildeliverymethod", "Incoming Email", *_DELIVERY, (3, "Forward Mailbox"), default=0),
        coded("outgoingemaildeliverymethod", "Outgoing Email", *_DELIVERY, default=0),
        yes_no("enabledforact", "Enabled for Appointments, Contacts, and Tasks", "No", "Yes"),
        yes_no("enabledforincomingemail", "Enabled for Incoming Email", "No", "Yes"),
        yes_no("enabledforoutgoingemail", "Enabled for Outgoing Email", "No", "Yes"),
        choice("actstatus", "Appointments, Contacts, and Tasks Status", *_RESULTS, first=0, default=0),
        choice("incomingemailstatus", "Incoming Email Status", *_RESULTS, first=0, default=0),
        choice("outgoingemailstatus", "Outgoing Email Status", *_RESULTS, first=0, default=0),
        choice(
            "emailrouteraccessapproval",
            "Email Address Status",
            *("Empty", "Approved", "Pending Approval", "Rejected"),
            first=0,
            default=0,
        ),
        yes_no("isactsyncorgflagset", "Is ACT Sync Org Flag Set", "No", "Yes"),
        yes_no("orgmarkedasprimaryforexchangesync", "Is Exchange Sync Primary Organization", "No", "Yes"),
        yes_no("isforwardmailbox", "Is Forward Mailbox", "No", "Yes"),
        Column("testmailboxaccesscompletedon", Kind.DATE_TIME, "Test Completed On"),
        integer("lastsyncerrorcode", "Last Sync Error Code"),
        lookup("regardingobjectid", "Regarding", "systemuser", systemuser="mailbox_regarding_systemuser"),
        lookup("emailserverprofile", "Server Profile", "emailserverprofile"),
        *owning(),
        *state_columns("Active", "Inactive"),
    ),
)
