"""Users, companies and the few tables that give lookups something to point at."""

from __future__ import annotations

from syncapp.sandbox.catalogue.columns import (
    Column,
    Kind,
    Table,
    lookup,
    memo,
    state_columns,
    system_columns,
    text,
    yes_no,
)

BUSINESS_UNIT = Table(
    name="businessunit",
    set_name="businessunits",
    label="Business Unit",
    plural_label="Business Units",
    object_type_code=10,
    primary_name="name",
    columns=(*system_columns("businessunitid", "Business Unit"), text("name", "Name", 160)),
    change_tracking=False,
    writable=False,
)
CURRENCY = Table(
    name="transactioncurrency",
    set_name="transactioncurrencies",
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
    ),
    change_tracking=False,
)
SYSTEM_USER = Table(
    name="systemuser",
    set_name="systemusers",
    label="User",
    plural_label="Users",
    object_type_code=8,
    primary_name="fullname",
    columns=(
        *system_columns("systemuserid", "User"),
        text("fullname", "Full Name", 200),
        text("firstname", "First Name", 256),
        text("lastname", "Last Name", 256),
        text("internalemailaddress", "Primary Email", 100, text_format="Email"),
        text("domainname", "User Name", 1024),
        text("jobtitle", "Title", 100),
        Column("azureactivedirectoryobjectid", Kind.GUID, "Azure AD Object ID"),
        Column("applicationid", Kind.GUID, "Application ID"),
        yes_no("isdisabled", "Status", "Enabled", "Disabled"),
        lookup("businessunitid", "Business Unit", "businessunit"),
    ),
)
ACCOUNT = Table(
    name="account",
    set_name="accounts",
    label="Account",
    plural_label="Accounts",
    object_type_code=1,
    primary_name="name",
    columns=(
        *system_columns("accountid", "Account"),
        text("name", "Account Name", 160, required="ApplicationRequired"),
        text("accountnumber", "Account Number", 20),
        text("telephone1", "Main Phone", 50, text_format="Phone"),
        text("websiteurl", "Website", 200, text_format="Url"),
        text("address1_line1", "Address 1: Street 1", 250),
        text("address1_city", "Address 1: City", 80),
        text("address1_country", "Address 1: Country/Region", 80),
        lookup("ownerid", "Owner", "systemuser"),
        *state_columns("Active", "Inactive"),
    ),
)
