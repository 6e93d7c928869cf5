"""The title of a run: its desired state and the number of users."""

from __future__ import annotations

from collections.abc import Collection

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, table_label
from syncapp.text.localization import number

METHODS = {SyncMethod.OUTLOOK: "Outlook", SyncMethod.SERVER_SIDE: "Server-side", SyncMethod.NONE: "None"}


def method_word(method: int | None) -> str:
    """Return the label of a mailbox method; None means an undo, which restores each mailbox's previous method."""
    return METHODS.get(SyncMethod(method), "?") if method in list(SyncMethod) else "as it was"


def table_labels(run: FilterRun) -> str:
    """Return the labels of the run's tables."""
    return ", ".join(table_label(table) for table in run.tables)


def tables_in_words(tables: Collection[str]) -> str:
    """Return "Appointments" for the three tables of appointments, otherwise each table's label."""
    if set(tables) == set(APPOINTMENT_TABLES):
        return "Appointments"
    return ", ".join(table_label(table) for table in tables)


def end_state(run: FilterRun) -> str:
    """Return the desired state in words: "Appointments off", "Synchronization method None"."""
    return " ".join(end_state_parts(run))


def end_state_parts(run: FilterRun) -> tuple[str, str]:
    """Return the subject and its desired state: ("Appointments", "off"), ("Synchronization method", "None")."""
    if run.sets_mailbox_method:
        return "Synchronization method", method_word(run.wanted_method)
    return tables_in_words(run.tables), "on" if run.wanted_on else "off"


def title(run: FilterRun) -> str:
    """Return the desired state and the number of users."""
    return f"{end_state(run)} for {number(run.users)} user{'' if run.users == 1 else 's'}"
