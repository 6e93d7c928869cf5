"""What happened to a run, newest first, out of the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from syncapp.models import AuditEntry, FilterRun
from syncapp.text.localization import number
from syncapp.web.base import times

_BY_ITSELF = {
    "pilot": "The pilot is done; it waits for its person.",
    "failures": "Stopped itself: too many users failed.",
    "impersonation": "Stopped itself: CRM ignored in whose name it was written.",
}


_LEEWAY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when, and what in a sentence."""

    at: datetime
    words: str


def steps(run: FilterRun) -> list[Step]:
    """The run's steps. They are few, and found by action and time, which the trail keeps in order."""
    since = run.frozen_at - _LEEWAY
    entries = AuditEntry.objects.filter(action__in=list(_WORDS), at__gte=since, group=run.pk).select_related("actor")
    return [
        Step(entry.at, _WORDS[entry.action](_name(entry), entry.details)) for entry in entries.order_by("-at", "-id")
    ]


def paused_by(run: FilterRun) -> str:
    """Return the name of the person who paused the run last."""
    entries = AuditEntry.objects.filter(action="run.paused", at__gte=run.frozen_at - _LEEWAY, group=run.pk)
    last = entries.select_related("actor").order_by("-at", "-id").first()
    return _name(last) if last else "the portal"


def _name(entry: AuditEntry) -> str:
    return entry.actor.name if entry.actor else "the portal"


def _paused(who: str, said: dict[str, Any]) -> str:
    return _BY_ITSELF.get(str(said.get("because", "")), f"Paused by {who}.")


def _users(said: dict[str, Any]) -> str:
    users = said.get("users", 0)
    return f"{number(users)} user{'' if users == 1 else 's'}"


def _moved(who: str, said: dict[str, Any]) -> str:
    when = parse_datetime(str(said.get("starts_at", "")))
    return f"{who} moved the start" + (f" to {times.exact(when)}." if when else ".")


_WORDS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "run.frozen": lambda who, said: f"Frozen by {who}: {_users(said)}.",
    "run.prepared_again": lambda who, said: f"{who} had its list tried again.",
    "run.asked": lambda who, said: f"{who} asked for a second person: {_users(said)} change.",
    "run.started": lambda who, said: f"Started by {who}: {_users(said)} change.",
    "run.confirmed": lambda who, said: f"Confirmed by {who}: exactly this list.",
    "run.moved": _moved,
    "run.paused": _paused,
    "run.resumed": lambda who, said: f"{who} let it go on.",
    "run.cancelled": lambda who, said: f"{who} cancelled the rest.",
    "run.undone": lambda who, said: f"{who} began to undo it for {_users(said)}.",
    "run.done": lambda who, said: "Ended; everybody has a result.",
}
