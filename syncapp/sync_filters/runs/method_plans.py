"""What a run that sets the mailbox method will do about each user: the other lever against double appointments.

One choice governs appointments, contacts and tasks together ("Mailbox"). Setting it deletes nothing from a mailbox;
what can go wrong is that a user's only way is closed, or a second one opened, and both are held back.
"""

from __future__ import annotations

from typing import Any

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.runs.item_plan import Planned

ONLY_WAY = "It is the only way of this user’s appointments that is known here."
TWICE = "Appointments would be synchronized twice: traces of the old add-in were found."
NO_CLIENT = "No trace of the old add-in was found, without which nothing would be synchronized."
UNKNOWN = "How this user’s appointments reach Outlook is not known."


def row(run: FilterRun, place: int, user: FilterUser) -> dict[str, Any]:
    """The columns of the run's item of this user, not saved yet."""
    return plan_for(user, run.wanted_method).row(run, place, user.pk) | {
        "mailbox_id": user.mailbox_id,
        "mailbox_etag": user.mailbox_etag,
        "found_method": user.method,
        "wanted_method": run.wanted_method,
    }


def plan_for(user: FilterUser, wanted: int | None) -> Planned:
    """What is to be done about this user, from what was read of him and his mailbox."""
    if user.unreadable:
        return Planned(Plan.CANNOT, Outcome.FAILED, user.unreadable)
    if user.is_disabled:
        return Planned(Plan.CANNOT, Outcome.DISABLED, "The user is disabled.")
    if user.mailbox_id is None or user.method is None:
        return Planned(Plan.CANNOT, Outcome.NO_MAILBOX, "The user has no mailbox in the CRM.")
    if user.mailbox_state != 0:
        return Planned(Plan.CANNOT, Outcome.NOT_READY, "The mailbox is deactivated in the CRM.")
    if user.method == wanted:
        return Planned(Plan.ALREADY, Outcome.ALREADY)
    if wanted == SyncMethod.SERVER_SIDE and not user.is_approved:
        return Planned(Plan.CANNOT, Outcome.NOT_READY, "Nobody has approved the mailbox's address in the CRM.")
    why = danger(user, wanted)
    return Planned(Plan.HELD, why=why) if why else Planned(Plan.CHANGE)


def danger(user: FilterUser, wanted: int | None) -> str:
    """Why this user is held back until somebody ticks him, '' where nothing speaks against it."""
    if user.paths == SyncPaths.UNKNOWN:
        return UNKNOWN
    if wanted == SyncMethod.SERVER_SIDE:
        return TWICE if user.has_old_client else ""
    if wanted == SyncMethod.OUTLOOK:
        return "" if user.has_old_client else NO_CLIENT
    return ONLY_WAY if user.paths == SyncPaths.ONCE and _is_a_way(user) else ""


def _is_a_way(user: FilterUser) -> bool:
    """Whether his appointments reach Outlook by this mailbox, so that it is the one way that there is."""
    selects = user.appointments in (Cell.ON, Cell.MIXED)
    return selects and (user.method == SyncMethod.OUTLOOK or (user.enabled_for_act and user.is_approved))
