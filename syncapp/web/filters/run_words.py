"""Texts about a run: the meaning of each outcome, the reasons for a pause, and the effect of its plan on users."""

from __future__ import annotations

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, table_label
from syncapp.sync_filters.runs import items, titles
from syncapp.text.localization import number

# Icon, tone and meaning of each outcome.
MEANINGS = {
    Outcome.DONE: ("check", "good", "Written, and confirmed by reading back"),
    Outcome.PARTLY: (
        "alert",
        "warn",
        "Written, but another filter of the user is not in the desired state; see the reason per user",
    ),
    Outcome.ALREADY: ("off", "", "Already in the desired state; nothing was written"),
    Outcome.NO_FILTER: ("minus", "", "Has no such filter"),
    Outcome.HELD: ("lock", "", "Has meetings or appointments at risk and was not released"),
    Outcome.LEFT_OUT: ("minus", "", "Left out of the run before it started"),
    Outcome.DISABLED: ("lock", "", "The user is disabled in the CRM"),
    Outcome.NO_ROLE: ("alert", "warn", "The user has no role in the CRM"),
    Outcome.NO_MAILBOX: ("minus", "", "The user has no mailbox in the CRM"),
    Outcome.NOT_READY: ("alert", "warn", "The mailbox is deactivated or not approved"),
    Outcome.DENIED: ("alert", "warn", "The CRM forbids it"),
    Outcome.CHANGED: ("user", "warn", "Changed after the list was made, and therefore skipped"),
    Outcome.FAILED: ("stop-sign", "bad", "Not written; see the reason per user"),
    Outcome.CANCELLED: ("cross", "", "Not started before the run was canceled"),
    Outcome.OPEN: ("clock", "", "Not processed yet"),
}
# For outcomes that a retry cannot change before someone else has changed something.
RETRY_HELPS = {
    Outcome.NO_FILTER: "A retry helps once the user has set up such a filter.",
    Outcome.DISABLED: "A retry helps once the user is enabled.",
    Outcome.NO_ROLE: "A retry helps once the user has a role.",
    Outcome.NO_MAILBOX: "A retry helps once the user has a mailbox.",
    Outcome.NOT_READY: "A retry helps once the mailbox is activated and approved.",
    Outcome.DENIED: "A retry helps once the CRM allows it.",
}
PAUSES = {
    "pilot": "The pilot is done. Check its results, then continue with the rest.",
    "failures": "Paused automatically: more users failed than the run’s limit allows. The reasons are listed below.",
    "impersonation": (
        "Paused automatically: the CRM ignored the impersonation. Continuing would write under another name."
    ),
}
HINTS = {
    Plan.CHANGE: "each verified after writing",
    Plan.ALREADY: "nothing is written for them",
    Plan.CANNOT: "see the reason per user",
    Plan.HELD: "until you release them",
    Plan.LEFT_OUT: "until you take them back in",
}
ADD_IN_DISPUTED = (
    "Reports differ on what the add-in does with appointments that no filter selects anymore: some say it removes "
    "them from Outlook at the next synchronization, others say they stay. If Outlook removes a meeting from its "
    "organizer’s calendar, the attendees may receive cancellations."
)
_METHOD_EFFECTS = {
    SyncMethod.NONE: (
        "Appointments, contacts and tasks all stop synchronizing, on the phone too. Nothing is deleted from the "
        "mailbox; what is there is no longer updated."
    ),
    SyncMethod.SERVER_SIDE: (
        "The CRM itself synchronizes the appointments, contacts and tasks that each user’s filters select. "
        "A mailbox that was never tested and enabled synchronizes nothing until that is done in the CRM."
    ),
    SyncMethod.OUTLOOK: (
        "Appointments, contacts and tasks synchronize only while the Outlook add-in runs on the user’s PC."
    ),
}


def outcome_label(run: FilterRun, outcome: Outcome) -> str:
    """Return the outcome's label; users of a run that was canceled before it was started are "Discarded"."""
    return "Discarded" if outcome is Outcome.CANCELLED and run.is_discarded else outcome.label


def meaning(run: FilterRun, outcome: Outcome) -> tuple[str, str, str]:
    """Return the icon, tone and meaning of an outcome of this run."""
    icon, tone, means = MEANINGS[outcome]
    if outcome is Outcome.CANCELLED and run.is_discarded:
        means = "The run was discarded before it started"
    return icon, tone, means


def why_not(outcome: Outcome) -> str:
    """Return why users cannot change, in words that follow their number: "12 disabled", "3 no role"."""
    if outcome is Outcome.FAILED:  # only in a plan: nothing has been tried yet
        return "not read"
    return outcome.label.lower().removesuffix(" user")


def filters_hint(filters: int) -> str:
    """Return how many filters are written, each verified by reading it back."""
    return f"{number(filters)} filter{', ' if filters == 1 else 's, each '}verified after writing"


def paused_by(name: str) -> str:
    """Return what a person's pause means for the users."""
    return f"Paused by {name}. Users already in progress were finished; no new ones start."


def consequence(run: FilterRun) -> str:
    """Return the effect on every user that the run changes, '' if it depends on the mailbox."""
    if run.sets_mailbox_method and run.wanted_method is not None:
        return _METHOD_EFFECTS[SyncMethod(run.wanted_method)]
    return ""


def start_button(run: FilterRun, users: int, *, asks: bool) -> str:
    """Return the label of the start button: what it does and for how many users."""
    if asks:
        does = "Ask for confirmation"
    elif run.sets_mailbox_method:
        does = f"Set the synchronization method to {titles.method_word(run.wanted_method)}"
    else:
        does = f"Switch {'on' if run.wanted_on else 'off'} {_switched(run)}"
    return f"{does} for {number(users)} user{'' if users == 1 else 's'}"


def _switched(run: FilterRun) -> str:
    if set(run.tables) <= set(APPOINTMENT_TABLES):
        return "appointments"
    return f"{table_label(run.tables[0]).lower()} filters" if len(run.tables) == 1 else "filters"


def deletion_warning(run: FilterRun) -> str:
    """Return what this CRM does with items that no filter selects anymore.

    The text is empty unless the run takes appointments away.
    """
    if not items.takes_appointments_away(run):
        return ""
    if run.keeps_deletes_apart:
        return (
            "For server-side users, this CRM keeps items that no filter selects anymore in the mailbox: meetings "
            "stay, and no one gets a cancellation."
        )
    if run.keeps_deletes_apart is None:
        return (
            "It is not known whether this CRM deletes items that no filter selects anymore from the mailbox, so "
            "this is assumed: meetings that a server-side user organizes may be canceled."
        )
    return (
        "This CRM deletes items that no filter selects anymore from a server-side mailbox. If a meeting disappears "
        "from its organizer’s mailbox, the attendees receive cancellations."
    )
