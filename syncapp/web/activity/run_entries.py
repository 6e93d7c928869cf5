"""Descriptions of audit entries about filter runs, their users, and policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry, FilterRun
from syncapp.models.sync_filters.run import FAILURES, WRITTEN, Outcome
from syncapp.sync_filters.runs import titles
from syncapp.text.localization import number
from syncapp.web.activity.links import Links
from syncapp.web.activity.words import ActionLabel
from syncapp.web.base import times

_PAUSES = {
    "pilot": "the pilot is complete",
    "failures": "too many users failed",
    "impersonation": "the CRM ignored impersonation",
}
USER_ACTIONS = ("filter.switched", "filter.method_set")


@dataclass(frozen=True, slots=True)
class EndState:
    """The desired state: on, off or a mailbox method; `then` follows it in the sentence, such as " for 3 users"."""

    what: str
    word: str
    then: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.word}{self.then}"


def subject(entry: AuditEntry, related: Facts, links: Links) -> tuple[str, str]:
    """Return the name and page of the user or run that the entry is about; '' for anything else."""
    user, run = related.user(entry), related.run(entry)
    if entry.action in USER_ACTIONS:
        return (user.name, links.to("filter_user", user.pk)) if user else ("", "")
    return (f"Run {run.number}", links.to("filter_run", run.pk)) if run else ("", "")


def label(entry: AuditEntry, related: Facts) -> ActionLabel | None:
    """Return what happened to a user: "Switched off", "Already on", "Not switched off"; None for other entries."""
    run, outcome = related.run(entry), entry.details.get("outcome")
    if entry.action not in USER_ACTIONS or run is None or outcome not in Outcome.values:
        return None
    is_method = entry.action == "filter.method_set"
    icon = "server" if is_method else _state_icon(run)
    word = "set" if is_method else titles.end_state_parts(run)[1]
    if outcome in WRITTEN:
        return ActionLabel(icon, "Synchronization method set" if is_method else f"Switched {word}")
    if outcome == Outcome.ALREADY:
        return ActionLabel(icon, f"Already {word}")
    failed = "Synchronization method not set" if is_method else f"Not switched {word}"
    return ActionLabel("stop-sign", failed, "bad") if outcome in FAILURES else ActionLabel("minus", failed)


def state(entry: AuditEntry, related: Facts) -> EndState | None:
    """Return the desired state that the entry is about; None if it is about something else."""
    run, details = related.run(entry), entry.details
    if entry.action in USER_ACTIONS and run is not None:
        what, word = titles.end_state_parts(run)
        if entry.action == "filter.method_set":
            return EndState(what, titles.method_word(details.get("method")))
        filters = len(details.get("filters", ()))
        return EndState(what, word, f", {filters} filter{'' if filters == 1 else 's'}" if filters else "")
    if entry.action.startswith("policy.") and "tables" in details:
        tables = titles.tables_in_words(details["tables"])
        return EndState(f"Keeps {tables[:1].lower()}{tables[1:]}", "on" if details.get("on") else "off")
    return EndState(*titles.end_state_parts(run)) if run else None


def run_label(run: FilterRun) -> ActionLabel:
    """Return what a finished run did: "Switched off", "Undid"."""
    if run.undoes_id is not None:
        return ActionLabel("undo", "Undid")
    if run.policy_id is not None:
        return ActionLabel("retry", "Policy repaired")
    if run.sets_mailbox_method:
        return ActionLabel("server", "Synchronization method set")
    return ActionLabel(_state_icon(run), f"Switched {titles.end_state_parts(run)[1]}")


def notes(entry: AuditEntry, related: Facts) -> list[str]:
    """Return notes on an entry; some may be ''.

    For a user, they are the result and the run; for a finished run, its results; otherwise the number of users, the new
    start time and the reason for a pause.
    """
    run, details = related.run(entry), entry.details
    if entry.action in USER_ACTIONS:
        outcome = str(details.get("outcome", ""))
        ended = Outcome(outcome).label.lower() if outcome in Outcome.values else outcome
        return [ended, f"run {run.number}" if run else ""]
    if entry.action == "run.done":
        return [results({str(name): int(users) for name, users in details.items() if name != "run"})]
    users = details.get("users")
    counted = f"{number(users)} user{'' if users == 1 else 's'}" if isinstance(users, int) else ""
    return [counted, _new_start(details.get("starts_at")), pause_words(str(details.get("because", "")))]


def pause_words(code: str) -> str:
    """Return why a run was paused automatically; '' if a person paused it."""
    return _PAUSES.get(code, "")


def results(counted: Mapping[str, int]) -> str:
    """Return the numbers of users by outcome as "104 done, 4 failed"; "open" counts users without an outcome."""
    codes = ((outcome, outcome.value or "open") for outcome in Outcome)
    return ", ".join(f"{number(counted[code])} {outcome.label.lower()}" for outcome, code in codes if counted.get(code))


def _state_icon(run: FilterRun) -> str:
    return "on" if run.wanted_on else "off"


def _new_start(start: object) -> str:
    try:
        return f"to {times.exact(datetime.fromisoformat(str(start)))}" if start else ""
    except ValueError:
        return ""
