"""Mailboxes, synchronization filters and meetings, for filter management."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from random import Random

from dataverse_sandbox import config
from dataverse_sandbox.catalog import (
    ACTIVITY_PARTY,
    APPOINTMENT,
    MAILBOX,
    PHONE_CALL,
    RECURRING,
    SAVED_QUERY,
    SERVICE_APPOINTMENT,
    TASK,
    USER_QUERY,
    Table,
)
from dataverse_sandbox.catalog.activities import OPTIONAL, ORGANIZER, REQUIRED
from dataverse_sandbox.catalog.filters import OFFLINE_FILTERS, OFFLINE_TEMPLATE, OUTLOOK_FILTERS, OUTLOOK_TEMPLATE
from dataverse_sandbox.seed.company import TEAMS, team_id
from dataverse_sandbox.seed.material import new_id, row, stamp
from dataverse_sandbox.store import Row

Rows = Iterator[tuple[Table, Row]]
# Table, the filter's name, and the condition on it in FetchXML.
FILTERS: tuple[tuple[str, str, str], ...] = (
    ("contact", "My Outlook Contacts", '<condition attribute="ownerid" operator="eq-userid"/>'),
    ("appointment", "My Appointments", '<condition attribute="ownerid" operator="eq-userid"/>'),
    ("serviceappointment", "My Service Activities", '<condition attribute="ownerid" operator="eq-userid"/>'),
    (
        "recurringappointmentmaster",
        "My Recurring Appointments",
        '<condition attribute="ownerid" operator="eq-userid"/>',
    ),
    ("task", "My Tasks", '<condition attribute="statecode" operator="eq" value="0"/>'),
    ("phonecall", "My Phone Calls", '<condition attribute="statecode" operator="eq" value="0"/>'),
)
_SUBJECTS = (
    *("Quarterly review", "Price talks", "Site visit", "Kick-off", "Contract renewal", "Handover", "Demo"),
    *("Planning", "Interview", "Budget round"),
)
_PLACES = ("Room Baltic", "Room Adriatic", "Online", "Customer's site", None)


def fetch_xml(table: str, condition: str) -> str:
    return f'<fetch version="1.0"><entity name="{table}"><filter type="and">{condition}</filter></entity></fetch>'


def template_id(table: str, kind: int = OUTLOOK_TEMPLATE) -> str:
    return config.fixed_id("template", table, str(kind))


def system_views(moment: datetime.datetime) -> Rows:
    """Return default templates per table, for Outlook and for offline, and two system filters."""
    for kind in (OUTLOOK_TEMPLATE, OFFLINE_TEMPLATE):
        for table, name, condition in FILTERS:
            values: Row = {
                "savedqueryid": template_id(table, kind),
                "name": name,
                "querytype": kind,
                "returnedtypecode": table,
                "fetchxml": fetch_xml(table, condition),
                "isdefault": 1,
            }
            yield SAVED_QUERY, row(SAVED_QUERY, moment, values)
    for table, name, state in (("phonecall", "Calls of the day", 0), ("contact", "Contacts of my team", 1)):
        values = {
            "savedqueryid": config.fixed_id("system filter", table),
            "name": name,
            "querytype": OUTLOOK_FILTERS,
            "returnedtypecode": table,
            "fetchxml": fetch_xml(table, '<condition attribute="ownerid" operator="eq-useroruserteams"/>'),
            "statecode": state,
            "statuscode": state + 1,
        }
        yield SAVED_QUERY, row(SAVED_QUERY, moment, values)


def mailboxes(random: Random, users: list[Row], moment: datetime.datetime) -> Rows:
    """Return one mailbox per person: most synchronized by the server, some by the add-in, some not at all."""
    for index, user in enumerate(users[1:]):
        method = (1, 1, 0, 1, 2, 1, 0, 1)[index % 8]
        email = 2 if method == 1 else 1 if method == 0 else 0
        mailbox: Row = {
            "mailboxid": new_id(random),
            "name": user["fullname"],
            "emailaddress": user["internalemailaddress"],
            "actdeliverymethod": method,
            "incomingemaildeliverymethod": email,
            "outgoingemaildeliverymethod": email,
            "enabledforact": int(method == 1),
            "enabledforincomingemail": int(email == 2),
            "enabledforoutgoingemail": int(email == 2),
            "actstatus": 2 if method == 1 and index % 29 == 11 else int(method == 1),
            "incomingemailstatus": int(email == 2),
            "outgoingemailstatus": int(email == 2),
            "emailrouteraccessapproval": 2 if index % 31 == 13 else 1,
            "isactsyncorgflagset": int(method == 1),
            "orgmarkedasprimaryforexchangesync": int(method == 1),
            "testmailboxaccesscompletedon": stamp(moment) if method == 1 else None,
            "regardingobjectid": user["systemuserid"],
            "ownerid": user["systemuserid"],
            "ownerid_type": "systemuser",
        }
        user["defaultmailbox"] = mailbox["mailboxid"]
        yield MAILBOX, row(MAILBOX, moment, mailbox)


def filters(random: Random, users: list[Row], each: int, moment: datetime.datetime) -> Rows:
    """Return `each` filters per person; one in 23 has none, one in 17 has switched some off."""
    for index, user in enumerate(users[1:]):
        if index % 23 == 17:
            continue
        owner = str(user["systemuserid"])
        for place in range(each):
            is_off = index % 17 == 9 and place % 6 in (1, 3)
            yield _filter(random, owner, place, moment, is_off=is_off)
        if index % 8 == 2 and each:
            yield _filter(random, owner, 0, moment, is_off=False, kind=OFFLINE_FILTERS)
    for name in TEAMS[1:3] if each else ():
        yield _filter(random, team_id(name), 0, moment, is_off=False, owner_type="team")


def _filter(
    random: Random,
    owner: str,
    place: int,
    moment: datetime.datetime,
    *,
    is_off: bool,
    kind: int = OUTLOOK_FILTERS,
    owner_type: str = "systemuser",
) -> tuple[Table, Row]:
    table, name, condition = FILTERS[place % len(FILTERS)]
    again = place // len(FILTERS)
    values: Row = {
        "userqueryid": new_id(random),
        "name": f"{name} ({again + 1})" if again else name,
        "querytype": kind,
        "returnedtypecode": table,
        "fetchxml": fetch_xml(table, condition),
        "parentqueryid": template_id(table, OUTLOOK_TEMPLATE if kind == OUTLOOK_FILTERS else OFFLINE_TEMPLATE),
        "ownerid": owner,
        "ownerid_type": owner_type,
        "statecode": int(is_off),
        "statuscode": 2 if is_off else 1,
    }
    by = owner if owner_type == "systemuser" else config.APPLICATION_USER_ID
    return USER_QUERY, row(USER_QUERY, moment, values, by=by)


def meetings(random: Random, users: list[Row], base: datetime.datetime) -> Rows:
    """Return meetings of the coming weeks, organized by every third person; some are series or service activities."""
    people = users[1:]
    for index, user in enumerate(people):
        if index % 3:
            continue
        for number in range(1 + index % 2):
            table = RECURRING if index % 15 == 6 else SERVICE_APPOINTMENT if index % 21 == 9 else APPOINTMENT
            start = base.replace(minute=0, second=0) + datetime.timedelta(days=2 + (index * 7 + number * 5) % 40)
            yield from _meeting(random, table, user, people, start, base)
        yield _item(random, TASK, user, base, scheduledend=stamp(base + datetime.timedelta(days=index % 9)))
        yield _item(random, PHONE_CALL, user, base, directioncode=index % 2)


def _item(random: Random, table: Table, user: Row, base: datetime.datetime, **more: object) -> tuple[Table, Row]:
    values: Row = {"activityid": new_id(random), "subject": random.choice(_SUBJECTS), "ownerid": user["systemuserid"]}
    return table, row(table, base - datetime.timedelta(days=3), {**values, **more}, by=str(user["systemuserid"]))


def _meeting(
    random: Random, table: Table, organizer: Row, people: list[Row], start: datetime.datetime, base: datetime.datetime
) -> Rows:
    end = start + datetime.timedelta(hours=1)
    more: Row = {"scheduledstart": stamp(start), "scheduledend": stamp(end), "location": random.choice(_PLACES)}
    if table is RECURRING:
        more |= {"recurrencepatterntype": 1, "interval": 1, "patternstartdate": stamp(start)}
        more["patternenddate"] = stamp(start + datetime.timedelta(days=90))
    _, meeting = _item(random, table, organizer, base, **more)
    yield table, meeting
    guests = random.sample(people, min(len(people), 3))
    for place, person in enumerate((organizer, *(guest for guest in guests if guest is not organizer))):
        party: Row = {
            "activitypartyid": new_id(random),
            "activityid": meeting["activityid"],
            "activityid_type": table.name,
            "partyid": person["systemuserid"],
            "partyid_type": "systemuser",
            "participationtypemask": (ORGANIZER, REQUIRED, OPTIONAL)[min(place, 2)],
            "addressused": person["internalemailaddress"],
        }
        yield ACTIVITY_PARTY, row(ACTIVITY_PARTY, base, party)
