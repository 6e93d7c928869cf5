"""A run in words: what each result means, why it paused, and what its plan does to people."""

from __future__ import annotations

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.sync_filters.runs import items, titles
from syncapp.text.localization import number

# Icon, tone and meaning of each result.
MEANINGS = {
    Outcome.DONE: ("check", "good", "Written, and read back as wanted"),
    Outcome.PARTLY: (
        "alert",
        "warn",
        "Written, but another filter of the user is not as wanted; see the reason per user",
    ),
    Outcome.ALREADY: ("off", "", "Was so before; nothing written"),
    Outcome.NO_FILTER: ("minus", "", "Never set up synchronization of this"),
    Outcome.HELD: ("lock", "", "Something is at risk, and nobody ticked the user"),
    Outcome.DISABLED: ("lock", "", "The user is disabled in CRM"),
    Outcome.NO_ROLE: ("alert", "warn", "The user has no role in CRM"),
    Outcome.NO_MAILBOX: ("minus", "", "The user has no mailbox in CRM"),
    Outcome.NOT_READY: ("alert", "warn", "The mailbox is deactivated, or nobody approved it"),
    Outcome.DENIED: ("alert", "warn", "CRM forbids it"),
    Outcome.CHANGED: ("user", "warn", "Changed after the list was frozen; left alone"),
    Outcome.FAILED: ("stop-sign", "bad", "Not written; the reason stands with each"),
    Outcome.CANCELLED: ("cross", "", "Not begun before the run was cancelled"),
    Outcome.OPEN: ("clock", "", "Waits for its turn"),
}
# What somebody else has to change before trying again can end otherwise.
RETRY_HELPS = {
    Outcome.NO_FILTER: "Trying again helps once the user has set up such a filter.",
    Outcome.DISABLED: "Trying again helps once the user is enabled.",
    Outcome.NO_ROLE: "Trying again helps once the user has a role.",
    Outcome.NO_MAILBOX: "Trying again helps once the user has a mailbox.",
    Outcome.NOT_READY: "Trying again helps once the mailbox is activated and approved.",
    Outcome.DENIED: "Trying again helps once CRM allows it.",
}
PAUSES = {
    "pilot": "The pilot is done. Look at its results, then let the rest go on.",
    "failures": "It stopped itself: more users failed than its limit allows. The reasons stand below.",
    "impersonation": "It stopped itself: CRM ignored in whose name we wrote. Going on would write as somebody else.",
}
HINTS = {
    Plan.CHANGE: "each is read back after the write",
    Plan.ALREADY: "nothing is written for them",
    Plan.CANNOT: "the reason stands with each",
    Plan.HELD: "until you tick them one by one",
}


def paused_by(name: str) -> str:
    """Return what a person's pause means for the users."""
    return f"Paused by {name}. Users already in progress were finished; no new ones start."


_METHOD_FOLLOWS = {
    SyncMethod.NONE: (
        "Appointments, contacts and tasks stop together, on the phone too. Nothing is deleted from the mailbox; "
        "what is there is no longer brought up to date."
    ),
    SyncMethod.SERVER_SIDE: (
        "CRM itself synchronizes appointments, contacts and tasks, as far as each user’s filters select them. "
        "A mailbox that was never tested and enabled synchronizes nothing until somebody does that in CRM."
    ),
    SyncMethod.OUTLOOK: "Appointments, contacts and tasks synchronize only while the old add-in runs on the user’s PC.",
}


def consequence(run: FilterRun) -> str:
    """What follows for everybody whom the run changes, '' where that depends on the mailbox."""
    if run.moves_mailboxes and run.wanted_method is not None:
        return _METHOD_FOLLOWS[SyncMethod(run.wanted_method)]
    return ""


def starting(run: FilterRun, users: int, *, asks: bool, may_tick: bool) -> str:
    """The start button: what it does and to how many. Whom somebody ticks besides is known only when it is pressed."""
    whom = [f"{number(users)} user{'' if users == 1 else 's'}"] if users else []
    return f"{_does(run, asks=asks)} for {' and '.join([*whom, *(['those ticked'] if may_tick else [])])}"


def _does(run: FilterRun, *, asks: bool) -> str:
    if asks:
        return "Ask for confirmation"
    if run.moves_mailboxes:
        return f"Set the method {titles.method_word(run.wanted_method)}"
    return "Switch on" if run.wanted_on else "Switch off"


def ground(run: FilterRun) -> str:
    """How this CRM treats what leaves every filter, where the run takes appointments away."""
    if not items.takes_appointments_away(run):
        return ""
    if run.keeps_deletes_apart:
        return (
            "For server-side users, this CRM keeps items that leave a filter in the mailbox: meetings stay, and no one "
            "gets a cancellation."
        )
    if run.keeps_deletes_apart is None:
        return (
            "Whether this CRM deletes what leaves a filter from the mailbox is not known, so it is taken for granted: "
            "meetings that a server-side user organizes may be canceled."
        )
    return (
        "This CRM deletes what leaves every filter from a server-side mailbox. A meeting that vanishes from its "
        "organizer’s mailbox sends cancellations."
    )


ADD_IN_DISPUTED = (
    "What the add-in does with appointments that no filter selects anymore is disputed: some report that it removes "
    "them from Outlook at its next synchronization, others that they stay. A meeting that its organizer’s Outlook "
    "removes can send cancellations."
)
