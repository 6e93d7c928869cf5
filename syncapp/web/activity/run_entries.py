"""Descriptions of audit entries about filter runs and their users."""

from __future__ import annotations

from django.urls import reverse

from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs import titles
from syncapp.text.localization import number

_PAUSES = {
    "pilot": "the pilot is complete",
    "failures": "too many users failed",
    "impersonation": "the CRM ignored impersonation",
}
_OF_A_USER = ("filter.switched", "filter.method_set")


def subject(entry: AuditEntry, related: Facts) -> tuple[str, str]:
    """Return the name and page of the user or run that the entry is about; '' for anything else."""
    user, run = related.user(entry), related.run(entry)
    if entry.action in _OF_A_USER:
        return (user.name, reverse("filter_user", args=[user.pk])) if user else ("", "")
    return (f"Run {run.number}", reverse("filter_run", args=[run.pk])) if run else ("", "")


def notes(entry: AuditEntry, related: Facts) -> list[str]:
    """Return the result of the entry, its run, and the reason of a pause."""
    run, details = related.run(entry), entry.details
    if entry.action in _OF_A_USER:
        outcome, filters = str(details.get("outcome", "")), len(details.get("filters", ()))
        changed = f"{filters} filter{'' if filters == 1 else 's'}"
        if entry.action == "filter.method_set":
            changed = titles.method_word(details.get("method"))
        ended = Outcome(outcome).label.lower() if outcome in Outcome.values else outcome
        return [f"{changed}: {ended}", f"run {run.number}" if run else ""]
    users = details.get("users")
    counted = f"{number(users)} user{'' if users == 1 else 's'}" if isinstance(users, int) else ""
    return [titles.end_state(run) if run else "", counted, _PAUSES.get(str(details.get("because", "")), "")]
