"""The words for FetchXML: tables, columns, values and operators ("Condition operators", table reference pages)."""

from __future__ import annotations

import re

TABLES = {
    "appointment": "Appointments",
    "serviceappointment": "Service activities",
    "recurringappointmentmaster": "Recurring appointments",
    "contact": "Contacts",
    "task": "Tasks",
    "phonecall": "Phone calls",
    "letter": "Letters",
    "fax": "Faxes",
    "email": "E-mails",
    "account": "Accounts",
    "opportunity": "Opportunities",
    "lead": "Leads",
    "systemuser": "Users",
    "team": "Teams",
    "activityparty": "People taking part",
}
_COLUMNS = {
    "ownerid": "owner",
    "owningbusinessunit": "business unit",
    "statecode": "state",
    "statuscode": "status reason",
    "regardingobjectid": "regarding",
    "parentcustomerid": "company",
    "subject": "subject",
    "fullname": "full name",
    "firstname": "first name",
    "lastname": "last name",
    "emailaddress1": "e-mail",
    "address1_city": "city",
    "address1_country": "country",
    "prioritycode": "priority",
    "createdby": "creator",
    "modifiedby": "last editor",
    "partyid": "person",
    "participationtypemask": "role",
    "organizer": "organizer",
    "requiredattendees": "required attendees",
    "location": "location",
    "name": "name",
}
YES_NO = {
    "isalldayevent": "all-day event",
    "isonlinemeeting": "Teams meeting",
    "isprivate": "private",
    "isbilled": "billed",
    "isregularactivity": "regular activity",
    "isworkflowcreated": "created by a workflow",
    "donotsendmm": "send no marketing",
    "donotemail": "allow no e-mail",
    "donotbulkemail": "allow no bulk e-mail",
    "donotphone": "allow no phone calls",
    "donotfax": "allow no faxes",
    "donotpostalmail": "allow no letters",
    "creditonhold": "credit on hold",
    "marketingonly": "marketing only",
    "merged": "merged",
}
# The column participationtypemask ("ActivityParty" table reference).
ROLES = {
    "1": "sender",
    "2": "recipient",
    "3": "CC recipient",
    "4": "BCC recipient",
    "5": "required attendee",
    "6": "optional attendee",
    "7": "organizer",
    "8": "regarding",
    "9": "owner",
    "10": "resource",
    "11": "customer",
}
_STATES = {"0": "Open", "1": "Completed", "2": "Canceled", "3": "Scheduled"}
_ACTIVITIES = (
    *("appointment", "serviceappointment", "recurringappointmentmaster", "task", "phonecall", "letter", "fax", "email"),
)
_PEOPLE = ("contact", "account", "systemuser")

# Operators that compare with the current user; they take no value.
USER_OPERATORS = {
    "eq-userid": "{who}",
    "ne-userid": "not {who}",
    "eq-userteams": "one of {who}’s teams",
    "eq-useroruserteams": "{who} or one of their teams",
    "eq-useroruserhierarchy": "{who} or someone who reports to them",
    "eq-useroruserhierarchyandteams": "{who}, someone who reports to them, or a team of any of these",
    "eq-businessid": "{who}’s business unit",
    "ne-businessid": "not {who}’s business unit",
}
# The beginning of the phrase for a date column, in one table or in all tables ('').
DATE_PREFIXES = {
    ("", "scheduledstart"): "starting",
    ("", "scheduledend"): "ending",
    ("task", "scheduledend"): "due",
    ("phonecall", "scheduledend"): "due",
    ("letter", "scheduledend"): "due",
    ("fax", "scheduledend"): "due",
    ("", "patternstartdate"): "beginning",
    ("", "patternenddate"): "ending",
    ("", "createdon"): "created",
    ("", "modifiedon"): "changed",
    ("", "actualend"): "finished",
}
# Nouns for conditions that test whether a date is empty.
DATE_NOUNS = {
    ("", "scheduledstart"): "a start date",
    ("", "scheduledend"): "an end date",
    **{(table, "scheduledend"): "a due date" for table in ("task", "phonecall", "letter", "fax")},
    ("", "patternstartdate"): "a first day",
    ("", "patternenddate"): "a last day",
    ("", "actualend"): "a date of completion",
}
# Text columns, in which even a date is text.
TEXT_COLUMNS = ("subject", "fullname", "firstname", "lastname", "location", "name", "emailaddress1")
_UNITS = ("hours", "days", "weeks", "months", "years")
DATE_SPANS = {
    "today": "today",
    "yesterday": "yesterday",
    "tomorrow": "tomorrow",
    **{
        f"{which}-{unit}": f"{which} {unit}" for which in ("this", "last", "next") for unit in ("week", "month", "year")
    },
    "last-seven-days": "in the last 7 days",
    "next-seven-days": "in the next 7 days",
    **{f"last-x-{unit}": f"in the last {{n}} {unit}" for unit in _UNITS},
    **{f"next-x-{unit}": f"in the next {{n}} {unit}" for unit in _UNITS},
    **{f"olderthan-x-{unit}": f"more than {{n}} {unit} ago" for unit in (*_UNITS, "minutes")},
    "on": "on {n}",
    "not-on": "not on {n}",
    "on-or-after": "on or after {n}",
    "on-or-before": "on or before {n}",
}
_NO_VALUE = {"null": "is empty", "not-null": "is filled"}
_ONE_VALUE = {
    "eq": "is {0}",
    "ne": "is not {0}",
    "neq": "is not {0}",
    "gt": "is above {0}",
    "ge": "is {0} or above",
    "lt": "is below {0}",
    "le": "is {0} or below",
    "like": "is like {0}",
    "not-like": "is not like {0}",
    "begins-with": "begins with {0}",
    "not-begin-with": "does not begin with {0}",
    "ends-with": "ends with {0}",
    "not-end-with": "does not end with {0}",
}
_TWO_VALUES = {"between": "is between {0} and {1}", "not-between": "is not between {0} and {1}"}
_SEVERAL_VALUES = {"in": "is {all}", "not-in": "is none of {all}"}


def column_label(name: str) -> str:
    """Return the label of a column, or its logical name if it has none here."""
    return f"“{YES_NO[name]}”" if name in YES_NO else _COLUMNS.get(name, name)


def operator_phrase(operator: str, values: int) -> str:
    """Return the phrase for an operator with this number of values; '' if there is no phrase."""
    if values and operator in _SEVERAL_VALUES:
        return _SEVERAL_VALUES[operator]
    return {0: _NO_VALUE, 1: _ONE_VALUE, 2: _TWO_VALUES}.get(values, {}).get(operator, "")


def value_words(table: str, name: str, value: str) -> str:
    """Return a value as people read it: states by label, numbers unchanged, texts in quotation marks."""
    if name == "participationtypemask":
        return ROLES.get(value, value)
    if name in YES_NO:
        return {"0": "No", "1": "Yes", "false": "No", "true": "Yes"}.get(value.lower(), value)
    if name == "statecode" and table in _ACTIVITIES:
        return _STATES.get(value, value)
    if name == "statecode" and table in _PEOPLE:
        return {"0": "Active", "1": "Inactive"}.get(value, value)
    return value if re.fullmatch(r"-?\d+([.,]\d+)?", value) else f"“{value}”"
