"""What a run is called: its end state, and for how many."""

from __future__ import annotations

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, name_of
from syncapp.text.localization import number

METHODS = {SyncMethod.OUTLOOK: "Outlook", SyncMethod.SERVER_SIDE: "Server-side", SyncMethod.NONE: "None"}


def method_word(method: int | None) -> str:
    """What a person calls a mailbox method."""
    return METHODS.get(SyncMethod(method), "?") if method in list(SyncMethod) else "as it was"


def tables_of(run: FilterRun) -> str:
    """The tables of a run, by name."""
    return ", ".join(name_of(table) for table in run.tables)


def end_state(run: FilterRun) -> str:
    """How it shall be afterwards: "Appointments off", "Mailbox method None"."""
    if run.moves_mailboxes:
        word = method_word(run.wanted_method)
        return f"Mailbox method {word}"
    what = "Appointments" if set(run.tables) == set(APPOINTMENT_TABLES) else tables_of(run)
    return f"{what} {'on' if run.wanted_on else 'off'}"


def title(run: FilterRun) -> str:
    """The end state and for how many."""
    return f"{end_state(run)} for {number(run.users)} user{'' if run.users == 1 else 's'}"
