"""Vocabulary of filter management: groups of tables, and the cells of the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models

# Table codes 4201, 4214 and 4251: users call all three appointments.
APPOINTMENT_TABLES = ("appointment", "serviceappointment", "recurringappointmentmaster")


class Group(models.TextChoices):
    """The columns of the matrix; tables outside the first three belong to OTHER."""

    APPOINTMENTS = "appointments", "Appointments"
    CONTACTS = "contacts", "Contacts"
    TASKS = "tasks", "Tasks"
    OTHER = "other", "Other"

    @property
    def filters_label(self) -> str:
        """Return "appointment filters", "other filters"."""
        return f"{self.label.lower().removesuffix('s')} filters"


_GROUPS = {
    **dict.fromkeys(APPOINTMENT_TABLES, Group.APPOINTMENTS),
    "contact": Group.CONTACTS,
    "task": Group.TASKS,
}
_NAMES = {
    "appointment": "Appointment",
    "serviceappointment": "Service activity",
    "recurringappointmentmaster": "Recurring appointment",
    "contact": "Contact",
    "task": "Task",
    "phonecall": "Phone call",
    "letter": "Letter",
    "fax": "Fax",
    "email": "E-mail",
}


def group_of(table: str) -> Group:
    """Return the column of the matrix that a table's filters belong to."""
    return _GROUPS.get(table, Group.OTHER)


def table_label(table: str) -> str:
    """Return the table's label, or its logical name if it has none here."""
    return _NAMES.get(table, table)


class Cell(models.TextChoices):
    """The combined state of the filters of some tables."""

    ON = "on", "On"
    OFF = "off", "Off"
    MIXED = "mixed", "Mixed"
    NONE = "none", "Not set up"
    UNREAD = "unread", "Not read yet"


# Filters per table, as (on, all).
Counts = Mapping[str, tuple[int, int]]


def counts_of(filters: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """Count filters per table, as (on, all), from pairs of table and "is on"."""
    counts: dict[str, tuple[int, int]] = {}
    for table, is_on in filters:
        on, all_of_them = counts.get(table, (0, 0))
        counts[table] = (on + is_on, all_of_them + 1)
    return counts


def cell_of(counts: Iterable[tuple[int, int]]) -> Cell:
    """Combine counts of filters into one cell."""
    pairs = list(counts)
    on, all_of_them = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    if not all_of_them:
        return Cell.NONE
    if not on:
        return Cell.OFF
    return Cell.ON if on == all_of_them else Cell.MIXED


def cells_of(counts: Counts) -> dict[Group, Cell]:
    """Return one user's cells of the matrix."""
    return {group: cell_of(pair for table, pair in counts.items() if group_of(table) is group) for group in Group}
