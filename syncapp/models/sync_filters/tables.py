"""The words of filter management: which tables count as what, and what a cell of the matrix says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models

# Table codes 4201, 4214 and 4251: to a person all three are appointments.
APPOINTMENT_TABLES = ("appointment", "serviceappointment", "recurringappointmentmaster")


class Group(models.TextChoices):
    """The columns of the matrix; whatever is none of the first three is another table."""

    APPOINTMENTS = "appointments", "Appointments"
    CONTACTS = "contacts", "Contacts"
    TASKS = "tasks", "Tasks"
    OTHER = "other", "Other"


_GROUPS = {
    **dict.fromkeys(APPOINTMENT_TABLES, Group.APPOINTMENTS),
    "contact": Group.CONTACTS,
    "task": Group.TASKS,
}
_NAMES = {
    "appointment": "Appointment",
    "serviceappointment": "Service appointment",
    "recurringappointmentmaster": "Recurring series",
    "contact": "Contact",
    "task": "Task",
    "phonecall": "Phone call",
    "letter": "Letter",
    "fax": "Fax",
    "email": "E-mail",
}


def group_of(table: str) -> Group:
    """The column of the matrix that a table's filters belong to."""
    return _GROUPS.get(table, Group.OTHER)


def name_of(table: str) -> str:
    """What a person calls the table; its own name where we know no other."""
    return _NAMES.get(table, table)


class Cell(models.TextChoices):
    """What the filters of some tables are together."""

    ON = "on", "On"
    OFF = "off", "Off"
    MIXED = "mixed", "Mixed"
    NONE = "none", "Not set up"
    UNREAD = "unread", "Not read yet"


# How many filters of a table are on, and how many there are.
Counts = Mapping[str, tuple[int, int]]


def counts_of(filters: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """From pairs of table and "is on" to counts by table."""
    counts: dict[str, tuple[int, int]] = {}
    for table, is_on in filters:
        on, all_of_them = counts.get(table, (0, 0))
        counts[table] = (on + is_on, all_of_them + 1)
    return counts


def cell_of(counts: Iterable[tuple[int, int]]) -> Cell:
    """One cell for all of these counts together."""
    pairs = list(counts)
    on, all_of_them = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    if not all_of_them:
        return Cell.NONE
    if not on:
        return Cell.OFF
    return Cell.ON if on == all_of_them else Cell.MIXED


def cells_of(counts: Counts) -> dict[Group, Cell]:
    """The matrix's cells of one user."""
    return {group: cell_of(pair for table, pair in counts.items() if group_of(table) is group) for group in Group}
