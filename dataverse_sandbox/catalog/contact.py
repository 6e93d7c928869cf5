"""The contact table: a realistic part of the real one (SDK model class of the table "contact").

Labels, lengths and option values follow the standard English environment; columns named osync_* are the company's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dataverse_sandbox import config
from dataverse_sandbox.catalog.columns import (
    Column,
    Kind,
    Option,
    Table,
    amounts_of,
    choice,
    derived,
    in_base_currency,
    lookup,
    memo,
    money,
    owning,
    owning_of,
    state_columns,
    system_columns,
    text,
    tracked,
    yes_no,
)

_NAMES = tracked(
    text("salutation", "Salutation", 100),
    text("firstname", "First Name", 50),
    text("middlename", "Middle Name", 50),
    text("lastname", "Last Name", 50, required="ApplicationRequired"),
    text("suffix", "Suffix", 10),
    text("nickname", "Nickname", 50),
    text("jobtitle", "Job Title", 100),
    text("department", "Department", 100),
    text("employeeid", "Employee", 50),
)
_WAYS_TO_REACH = tracked(
    text("emailaddress1", "Email", 100, text_format="Email"),
    text("emailaddress2", "Email Address 2", 100, text_format="Email"),
    text("emailaddress3", "Email Address 3", 100, text_format="Email"),
    text("telephone1", "Business Phone", 50, text_format="Phone"),
    text("telephone2", "Home Phone", 50, text_format="Phone"),
    text("telephone3", "Telephone 3", 50, text_format="Phone"),
    text("mobilephone", "Mobile Phone", 50, text_format="Phone"),
    text("company", "Company Phone", 50, text_format="Phone"),
    text("home2", "Home Phone 2", 50, text_format="Phone"),
    text("business2", "Business Phone 2", 50, text_format="Phone"),
    text("callback", "Callback Number", 50, text_format="Phone"),
    text("fax", "Fax", 50, text_format="Phone"),
    text("pager", "Pager", 50, text_format="Phone"),
    text("websiteurl", "Website", 200, text_format="Url"),
)
_AROUND = tracked(
    text("assistantname", "Assistant", 100),
    text("assistantphone", "Assistant Phone", 50, text_format="Phone"),
    text("managername", "Manager", 100),
    text("managerphone", "Manager Phone", 50, text_format="Phone"),
    text("spousesname", "Spouse/Partner Name", 100),
    text("childrensnames", "Children's Names", 255),
    text("governmentid", "Government", 50),
    text("externaluseridentifier", "External User Identifier", 50),
)


def _address(number: int) -> tuple[Column, ...]:
    prefix, label = f"address{number}", f"Address {number}"
    return tracked(
        text(f"{prefix}_line1", f"{label}: Street 1", 250),
        text(f"{prefix}_line2", f"{label}: Street 2", 250),
        text(f"{prefix}_line3", f"{label}: Street 3", 250),
        text(f"{prefix}_city", f"{label}: City", 80),
        text(f"{prefix}_stateorprovince", f"{label}: State/Province", 50),
        text(f"{prefix}_postalcode", f"{label}: ZIP/Postal Code", 20),
        text(f"{prefix}_country", f"{label}: Country/Region", 80),
        text(f"{prefix}_name", f"{label}: Name", 200),
        text(f"{prefix}_county", f"{label}: County", 50),
        text(f"{prefix}_postofficebox", f"{label}: Post Office Box", 20),
        *(text(f"{prefix}_telephone{n}", f"{label}: Telephone {n}", 50, text_format="Phone") for n in (1, 2, 3)),
        text(f"{prefix}_fax", f"{label}: Fax", 50, text_format="Phone"),
        choice(f"{prefix}_addresstypecode", f"{label}: Address Type", "Bill To", "Ship To", "Primary", "Other"),
        Column(f"{prefix}_utcoffset", Kind.INTEGER, f"{label}: UTC Offset", minimum=-1_500, maximum=1_500),
    )


_CHOICES = tracked(
    choice(
        "preferredcontactmethodcode",
        "Preferred Method of Contact",
        *("Any", "Email", "Phone", "Fax", "Mail"),
        default=1,
    ),
    choice("gendercode", "Gender", "Male", "Female"),
    choice("familystatuscode", "Marital Status", "Single", "Married", "Divorced", "Widowed"),
    choice("customertypecode", "Relationship Type", "Default Value"),
    choice("leadsourcecode", "Lead Source", "Default Value"),
    choice("accountrolecode", "Role", "Decision Maker", "Employee", "Influencer"),
    choice("paymenttermscode", "Payment Terms", "Net 30", "2% 10, Net 30", "Net 45", "Net 60"),
    Column(
        "osync_topics",
        Kind.CHOICES,
        "Topics of Interest",
        options=tuple(
            Option(410_000_000 + index, label)
            for index, label in enumerate(("Logistics", "Energy", "Finance", "Training", "Research"))
        ),
    ),
)
_YES_NO = tracked(
    yes_no("donotemail", "Do not allow Emails", "Allow", "Do Not Allow"),
    yes_no("donotphone", "Do not allow Phone Calls", "Allow", "Do Not Allow"),
    yes_no("donotfax", "Do not allow Faxes", "Allow", "Do Not Allow"),
    yes_no("donotbulkemail", "Do not allow Bulk Emails", "Allow", "Do Not Allow"),
    yes_no("donotpostalmail", "Do not allow Mails", "Allow", "Do Not Allow"),
    yes_no("creditonhold", "Credit Hold", "No", "Yes"),
    replace(yes_no("followemail", "Follow Email Activity", "Do Not Allow", "Allow"), default=1),
    yes_no("marketingonly", "Marketing Only", "No", "Yes"),
)
_AMOUNTS = (money("creditlimit", "Credit Limit"), money("annualincome", "Annual Income"))
_NUMBERS = tracked(
    *_AMOUNTS,
    Column("osync_discount", Kind.DECIMAL, "Discount", minimum=0, maximum=100, precision=3),
    Column("address1_latitude", Kind.DOUBLE, "Address 1: Latitude", minimum=-90, maximum=90, precision=5),
    Column("address1_longitude", Kind.DOUBLE, "Address 1: Longitude", minimum=-180, maximum=180, precision=5),
    Column("numberofchildren", Kind.INTEGER, "No. of Children", minimum=0, maximum=1_000_000_000),
)
_TIMES = tracked(
    Column("birthdate", Kind.DATE, "Birthday"),
    Column("anniversary", Kind.DATE, "Anniversary"),
    Column("lastonholdtime", Kind.DATE_TIME, "Last On Hold Time"),
)
_LOOKUPS = (
    *tracked(
        lookup(
            "parentcustomerid",
            "Company Name",
            *("account", "contact"),
            account="contact_customer_accounts",
            contact="contact_customer_contacts",
        ),
        lookup("preferredsystemuserid", "Preferred User", "systemuser"),
    ),
    *owning(),
    lookup("transactioncurrencyid", "Currency", "transactioncurrency"),
)
_DERIVED = (
    derived(text("fullname", "Full Name", 160)),
    *(derived(memo(f"address{number}_composite", f"Address {number}", 1_000)) for number in (1, 2, 3)),
    *in_base_currency(*_AMOUNTS),
    replace(derived(lookup("accountid", "Account", "account")), is_mirror=True),
    replace(derived(lookup("parentcontactid", "Parent Contact", "contact")), is_mirror=True),
    derived(lookup("masterid", "Master ID", "contact")),
    derived(yes_no("merged", "Merged", "No", "Yes")),
)


def _computed(row: Mapping[str, object]) -> dict[str, object]:
    """Return the columns that the CRM computes."""
    customer = {row["parentcustomerid_type"]: row["parentcustomerid"]}
    return {
        "fullname": _joined(row, " ", "firstname", "lastname"),
        **{f"address{number}_composite": _composite(row, f"address{number}_") for number in (1, 2, 3)},
        "accountid": customer.get("account"),
        "parentcontactid": customer.get("contact"),
        **owning_of(row),
        **amounts_of(row, config.CURRENCY_ID, *(column.name for column in _AMOUNTS)),
    }


def _joined(row: Mapping[str, object], separator: str, *names: str) -> str | None:
    return separator.join(str(row[name]) for name in names if row.get(name)) or None


def _composite(row: Mapping[str, object], prefix: str) -> str | None:
    town = _joined(row, " ", f"{prefix}postalcode", f"{prefix}city")
    street = _joined(row, "\n", f"{prefix}line1", f"{prefix}line2", f"{prefix}line3")
    return "\n".join(str(part) for part in (street, town, row.get(f"{prefix}country")) if part) or None


CONTACT = Table(
    name="contact",
    schema_name="Contact",
    privilege="Contact",
    indexes=("fullname", "lastname", "emailaddress1", "modifiedon", "ownerid"),
    set_name="contacts",
    label="Contact",
    plural_label="Contacts",
    object_type_code=2,
    primary_name="fullname",
    columns=(
        *system_columns("contactid", "Contact"),
        *_DERIVED,
        *_NAMES,
        *_WAYS_TO_REACH,
        *_address(1),
        *_address(2),
        *_address(3),
        *_AROUND,
        *_CHOICES,
        *_YES_NO,
        *_NUMBERS,
        *_TIMES,
        *tracked(memo("description", "Description", 2_000)),
        *_LOOKUPS,
        *state_columns("Active", "Inactive"),
        Column("osync_revision", Kind.INTEGER, "Revision", minimum=0, maximum=2_147_483_647),
    ),
    computed=_computed,
)
