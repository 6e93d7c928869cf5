"""Plans of a run that sets the mailbox method, the other way to stop duplicate appointments.

One method governs appointments, contacts and tasks together ("Mailbox"). Setting it deletes nothing from a mailbox; the
risks are closing a user's only path and opening a second one, and both hold the user back.
"""

from __future__ import annotations

from typing import Any

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.runs.item_plan import ItemPlan

ONLY_PATH = "This mailbox is the only known path of the user’s appointments to Outlook."
TWICE = "Appointments would be synchronized twice: there are traces of the old add-in."
NO_CLIENT = "There is no trace of the old add-in, without which nothing would be synchronized."
UNKNOWN = "It is not known how this user’s appointments reach Outlook."


def columns(run: FilterRun, position: int, user: FilterUser) -> dict[str, Any]:
    """Return the columns of this user's item."""
    return plan_user(user, run.wanted_method).columns(run, position, user.pk) | {
        "mailbox_id": user.mailbox_id,
        "mailbox_etag": user.mailbox_etag,
        "found_method": user.method,
        "wanted_method": run.wanted_method,
    }


def plan_user(user: FilterUser, wanted: int | None) -> ItemPlan:
    """Return the plan for a user whose mailbox should get the method `wanted`."""
    if user.unreadable:
        return ItemPlan(Plan.CANNOT, Outcome.FAILED, user.unreadable)
    if user.is_disabled:
        return ItemPlan(Plan.CANNOT, Outcome.DISABLED, "The user is disabled.")
    if user.mailbox_id is None or user.method is None:
        return ItemPlan(Plan.CANNOT, Outcome.NO_MAILBOX, "The user has no mailbox in the CRM.")
    if user.mailbox_state != 0:
        return ItemPlan(Plan.CANNOT, Outcome.NOT_READY, "The mailbox is deactivated in the CRM.")
    if user.method == wanted:
        return ItemPlan(Plan.ALREADY, Outcome.ALREADY)
    if wanted == SyncMethod.SERVER_SIDE and not user.is_approved:
        return ItemPlan(Plan.CANNOT, Outcome.NOT_READY, "The mailbox’s address is not approved in the CRM.")
    why = risk_of(user, wanted)
    return ItemPlan(Plan.HELD, why=why) if why else ItemPlan(Plan.CHANGE)


def risk_of(user: FilterUser, wanted: int | None) -> str:
    """Return why the user is held back until a person releases them; '' if there is no risk."""
    if user.paths == SyncPaths.UNKNOWN:
        return UNKNOWN
    if wanted == SyncMethod.SERVER_SIDE:
        return TWICE if user.has_old_client else ""
    if wanted == SyncMethod.OUTLOOK:
        return "" if user.has_old_client else NO_CLIENT
    # The user's appointments reach Outlook through the mailbox if a filter selects some and the mailbox delivers them.
    selects = user.appointments in (Cell.ON, Cell.MIXED)
    delivers = user.method == SyncMethod.OUTLOOK or (user.enabled_for_act and user.is_approved)
    return ONLY_PATH if user.paths == SyncPaths.ONCE and selects and delivers else ""
