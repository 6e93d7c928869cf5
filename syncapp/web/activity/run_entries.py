"""Entries about filter runs and the users whom they changed, in words."""

from __future__ import annotations

from django.urls import reverse

from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs import titles
from syncapp.text.localization import number

_BECAUSE = {
    "pilot": "the pilot is done",
    "failures": "too many users failed",
    "impersonation": "the CRM ignored in whose name it was written",
}
_OF_A_USER = ("filter.switched", "filter.method_set")


def subject(entry: AuditEntry, behind: Facts) -> tuple[str, str]:
    """What the entry is about and where that is shown: a user or a run; '' where it is something else."""
    user, run = behind.user(entry), behind.run(entry)
    if entry.action in _OF_A_USER:
        return (user.name, reverse("filter_user", args=[user.pk])) if user else ("", "")
    return (f"Run {run.number}", reverse("filter_run", args=[run.pk])) if run else ("", "")


def notes(entry: AuditEntry, behind: Facts) -> list[str]:
    """What was done, in which run, and why it stands still."""
    run, said = behind.run(entry), entry.details
    if entry.action in _OF_A_USER:
        return [_written(entry), f"run {run.number}" if run else ""]
    users = said.get("users")
    counted = f"{number(users)} user{'' if users == 1 else 's'}" if isinstance(users, int) else ""
    return [titles.end_state(run) if run else "", counted, _BECAUSE.get(str(said.get("because", "")), "")]


def _written(entry: AuditEntry) -> str:
    said = entry.details
    outcome = str(said.get("outcome", ""))
    ended = Outcome(outcome).label.lower() if outcome in Outcome.values else outcome
    if entry.action == "filter.method_set":
        return f"{titles.method_word(said.get('method'))}: {ended}"
    filters = len(said.get("filters", ()))
    return f"{filters} filter{'' if filters == 1 else 's'}: {ended}"
