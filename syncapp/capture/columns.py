"""The columns of contacts that capture watches."""

from __future__ import annotations

from django.conf import settings

from syncapp.crm.staging.records import Column
from syncapp.mirror import columns

TABLE = "contact"
# The columns of a contact that Outlook's synchronization can change ("What fields can be synchronized between customer
# engagement apps and Outlook"). An environment may lack some of them.
OUTLOOK_COLUMNS = (
    *("firstname", "middlename", "lastname", "yomifirstname", "yomilastname", "nickname", "salutation", "suffix"),
    *("jobtitle", "department", "parentcustomerid", "managername", "assistantname", "assistantphone"),
    *("emailaddress1", "emailaddress2", "emailaddress3", "websiteurl", "ftpsiteurl", "governmentid"),
    *("telephone1", "telephone2", "telephone3", "business2", "home2", "mobilephone", "fax", "pager", "callback"),
    *("company", "birthdate", "anniversary", "spousesname", "childrensnames", "description"),
    *(
        f"address{number}_{part}"
        for number in (1, 2, 3)
        for part in ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "postofficebox", "country")
    ),
)
ALL_COLUMNS = "*"  # in CAPTURE_COLUMNS, means every column
# The contact's owner and state; changes to them have their own kinds of audit entries.
_NEVER_TRACKED = frozenset({"ownerid", "statecode", "statuscode"})


def tracked(revision: str) -> dict[str, Column]:
    """Return the watched columns that the CRM has and that can be written, by logical name.

    These are the columns that Outlook can change and those in CAPTURE_COLUMNS, but never the revision column.
    """
    known = {
        name: column
        for name, column in columns.of_table(TABLE).items()
        if column.writable and name != revision and name not in _NEVER_TRACKED
    }
    if ALL_COLUMNS in settings.CAPTURE_COLUMNS:
        return known
    watched = {*OUTLOOK_COLUMNS, *settings.CAPTURE_COLUMNS}
    return {name: column for name, column in known.items() if name in watched}
