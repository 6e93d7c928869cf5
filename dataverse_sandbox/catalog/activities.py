"""Appointments, service appointments, recurring series, tasks and phone calls, and their participants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dataverse_sandbox.catalog.columns import (
    Column,
    Kind,
    Option,
    Table,
    choice,
    coded,
    derived,
    integer,
    lookup,
    memo,
    moment,
    owning,
    owning_of,
    system_columns,
    text,
    yes_no,
)

REQUIRED, OPTIONAL, ORGANIZER = 5, 6, 7
_OPEN, _DONE, _CANCELED, _SCHEDULED = range(4)


def _state(*statuses: Option, scheduled: bool) -> tuple[Column, ...]:
    """Return a state column: open or scheduled, completed, canceled; each status belongs to one state."""
    states = [Option(_OPEN, "Open"), Option(_DONE, "Completed"), Option(_CANCELED, "Canceled")]
    if scheduled:
        states.append(Option(_SCHEDULED, "Scheduled"))
    first = statuses[0]
    return (
        Column(
            "statecode",
            Kind.STATE,
            "Activity Status",
            options=tuple(states),
            default=first.state,
            required="SystemRequired",
        ),
        Column("statuscode", Kind.STATUS, "Status Reason", options=statuses, default=first.value),
    )


def _activity(
    name: str, set_name: str, schema_name: str, label: str, code: int, *columns: Column, privilege: str = "Activity"
) -> Table:
    regarding = lookup("regardingobjectid", "Regarding", "account", "contact")
    regarding = replace(
        regarding,
        navigation_suffix=f"_{name}",
        collections={"account": f"Account_{schema_name}s", "contact": f"Contact_{schema_name}s"},
    )
    return Table(
        name=name,
        set_name=set_name,
        schema_name=schema_name,
        privilege=privilege,
        label=label,
        plural_label=f"{label.removesuffix('y')}ies" if label.endswith("ty") else f"{label}s",
        object_type_code=code,
        primary_name="subject",
        is_activity=True,
        columns=(
            *system_columns("activityid", label),
            text("subject", "Subject", 400),
            memo("description", "Description"),
            moment("scheduledstart", "Start Time"),
            moment("scheduledend", "End Time"),
            moment("actualstart", "Actual Start"),
            moment("actualend", "Actual End"),
            derived(text("activitytypecode", "Activity Type", 64)),
            derived(integer("scheduleddurationminutes", "Scheduled Duration", minimum=0)),
            choice("prioritycode", "Priority", "Low", "Normal", "High", first=0, default=1),
            regarding,
            *owning(),
            *columns,
        ),
        computed=lambda row: {**owning_of(row), "activitytypecode": name, "scheduleddurationminutes": _minutes(row)},
        indexes=("scheduledstart", "ownerid"),
    )


def _minutes(row: Mapping[str, object]) -> int | None:
    start, end = row["scheduledstart"], row["scheduledend"]
    if not start or not end:
        return None
    return int((datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds() // 60)


_CALENDAR_STATUSES = (
    Option(5, "Busy", _SCHEDULED),
    Option(6, "Out of Office", _SCHEDULED),
    Option(1, "Free", _OPEN),
    Option(2, "Tentative", _OPEN),
    Option(3, "Completed", _DONE),
    Option(4, "Canceled", _CANCELED),
)
_PLACE = (
    text("location", "Location", 400),
    yes_no("isalldayevent", "All Day Event", "No", "Yes"),
    text("globalobjectid", "Outlook Appointment", 300),
)
APPOINTMENT = _activity(
    "appointment",
    "appointments",
    "Appointment",
    "Appointment",
    4201,
    *_PLACE,
    choice(
        "instancetypecode",
        "Appointment Type",
        *(
            "Not Recurring",
            "Recurring Master",
            "Recurring Instance",
            "Recurring Exception",
            "Recurring Future Exception",
        ),
        first=0,
        default=0,
    ),
    lookup(
        "seriesid",
        "Series",
        "recurringappointmentmaster",
        recurringappointmentmaster="recurringappointmentmaster_appointment",
    ),
    yes_no("isonlinemeeting", "Is Online Meeting", "No", "Yes"),
    *_state(*_CALENDAR_STATUSES, scheduled=True),
)
SERVICE_APPOINTMENT = _activity(
    "serviceappointment",
    "serviceappointments",
    "ServiceAppointment",
    "Service Activity",
    4214,
    *_PLACE[:2],
    *_state(
        Option(4, "Reserved", _SCHEDULED),
        Option(3, "Pending", _SCHEDULED),
        Option(1, "Requested", _OPEN),
        Option(2, "Tentative", _OPEN),
        Option(8, "Completed", _DONE),
        Option(9, "Canceled", _CANCELED),
        scheduled=True,
    ),
)
RECURRING = _activity(
    "recurringappointmentmaster",
    "recurringappointmentmasters",
    "RecurringAppointmentMaster",
    "Recurring Appointment",
    4251,
    *_PLACE,
    coded("recurrencepatterntype", "Recurrence Pattern", (0, "Daily"), (1, "Weekly"), (2, "Monthly"), (3, "Yearly")),
    integer("interval", "Interval", minimum=1),
    integer("daysofweekmask", "Days Of Week Mask", minimum=0),
    integer("dayofmonth", "Day Of Month", minimum=1, maximum=31),
    integer("monthofyear", "Month Of Year", minimum=0, maximum=12),
    integer("instance", "Instance", minimum=0, maximum=5),
    moment("starttime", "Start Time of an Occurrence"),
    moment("endtime", "End Time of an Occurrence"),
    integer("duration", "Duration", minimum=0),
    moment("patternstartdate", "Start Range"),
    moment("patternenddate", "End Range"),
    choice("patternendtype", "Pattern End Type", "No End Date", "Occurrences", "Pattern End Date"),
    integer("occurrences", "Occurrences", minimum=1, maximum=999),
    *_state(*_CALENDAR_STATUSES, scheduled=True),
)
TASK = _activity(
    "task",
    "tasks",
    "Task",
    "Task",
    4212,
    integer("percentcomplete", "Percent Complete", minimum=0, maximum=100),
    *_state(
        Option(2, "Not Started", _OPEN),
        Option(3, "In Progress", _OPEN),
        Option(4, "Waiting on someone else", _OPEN),
        Option(7, "Deferred", _OPEN),
        Option(5, "Completed", _DONE),
        Option(6, "Canceled", _CANCELED),
        scheduled=False,
    ),
)
PHONE_CALL = _activity(
    "phonecall",
    "phonecalls",
    "PhoneCall",
    "Phone Call",
    4210,
    text("phonenumber", "Phone Number", 200, text_format="Phone"),
    yes_no("directioncode", "Direction", "Incoming", "Outgoing"),
    *_state(
        Option(1, "Open", _OPEN),
        Option(2, "Made", _DONE),
        Option(4, "Received", _DONE),
        Option(3, "Canceled", _CANCELED),
        scheduled=False,
    ),
)
ACTIVITIES = (RECURRING, APPOINTMENT, SERVICE_APPOINTMENT, TASK, PHONE_CALL)
ACTIVITY_PARTY = Table(
    name="activityparty",
    set_name="activityparties",
    schema_name="ActivityParty",
    privilege="Activity",
    label="Activity Party",
    plural_label="Activity Parties",
    object_type_code=135,
    primary_name="addressused",
    columns=(
        *system_columns("activitypartyid", "Activity Party"),
        replace(
            lookup("activityid", "Activity", *(table.name for table in ACTIVITIES), on_delete="cascade"),
            collections={table.name: f"{table.name}_activity_parties" for table in ACTIVITIES},
        ),
        lookup("partyid", "Party", "systemuser", "contact", "account"),
        coded(
            "participationtypemask",
            "Participation Type",
            *((1, "Sender"), (2, "To Recipient"), (3, "CC Recipient"), (4, "BCC Recipient")),
            *((5, "Required attendee"), (6, "Optional attendee"), (7, "Organizer"), (8, "Regarding")),
            *((9, "Owner"), (10, "Resource"), (11, "Customer")),
        ),
        text("addressused", "Address", 100, text_format="Email"),
    ),
    change_tracking=False,
    is_part=True,
)
