"""The history of a run, newest first, from the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from syncapp.models import AuditEntry, FilterRun
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part
from syncapp.text.localization import number
from syncapp.web.base import times

_AUTOMATIC_PAUSES = {
    "pilot": "The pilot is done; the run waits to be resumed.",
    "failures": "Paused automatically: too many users failed.",
    "impersonation": "Paused automatically: the CRM ignored the impersonation.",
}
_CLOCK_DIFFERENCE = timedelta(seconds=5)  # tolerance between the clocks of the run's creation and of its first entry


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A moment in the history of a run, in one sentence."""

    at: datetime
    words: str


def entries(run: FilterRun) -> list[LogEntry]:
    """Return the run's history."""
    return [
        LogEntry(entry.at, _WORDS[entry.action](_actor(entry), entry.details | {"started": run.started_at is not None}))
        for entry in _audit_entries(run, list(_WORDS))
    ]


def paused_by(run: FilterRun) -> str:
    """Return the name of the person who paused the run last."""
    last = _audit_entries(run, ["run.paused"]).first()
    return _actor(last) if last else "the portal"


def _audit_entries(run: FilterRun, actions: list[str]) -> QuerySet[AuditEntry]:
    """Return the run's entries, found by action and time, by which the audit log is indexed."""
    since = run.frozen_at - _CLOCK_DIFFERENCE
    found = AuditEntry.objects.filter(action__in=actions, at__gte=since, group=run.pk)
    return found.select_related("actor").order_by("-at", "-id")


def _actor(entry: AuditEntry) -> str:
    return entry.actor.name if entry.actor else "the portal"


def _users(details: dict[str, Any]) -> str:
    users = details.get("users", 0)
    return f"{number(users)} user{'' if users == 1 else 's'}"


def _moved(who: str, details: dict[str, Any]) -> str:
    when = parse_datetime(str(details.get("starts_at", "")))
    return f"{who} moved the start" + (f" to {times.exact(when)}." if when else ".")


def _released(who: str, details: dict[str, Any]) -> str:
    group = HeldGroup(details["group"]) if details.get("group") in HeldGroup.values else None
    words = f"{who} released {_users(details)}"
    words += f" ({group.label.lower().removesuffix('.')})" if group else ", selected one by one"
    meetings, attendees = details.get("meetings", 0), details.get("attendees", 0)
    counted = f"{number(meetings)} meeting{'' if meetings == 1 else 's'}"
    counted += f" with {number(attendees)} attendee{'' if attendees == 1 else 's'}"
    return f"{words}: {counted}." if meetings else f"{words}."


def _left_out(who: str, details: dict[str, Any]) -> str:
    part = Part(details["part"]) if details.get("part") in Part.values else None
    return f"{who} left {_users(details)} out{f' ({part.label})' if part else ''}."


_WORDS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "run.frozen": lambda who, details: f"Created by {who}: {_users(details)}.",
    "run.prepared_again": lambda who, details: f"{who} retried the preparation.",
    "run.released": _released,
    "run.held_back": lambda who, details: f"{who} held {_users(details)} back again.",
    "run.left_out": _left_out,
    "run.taken_back": lambda who, details: f"{who} included {_users(details)} again.",
    "run.asked": lambda who, details: f"{who} asked for a second person: {_users(details)} to change.",
    "run.started": lambda who, details: f"Started by {who}: {_users(details)} to change.",
    "run.confirmed": lambda who, details: f"Confirmed by {who}, with exactly this list.",
    "run.moved": _moved,
    "run.paused": lambda who, details: _AUTOMATIC_PAUSES.get(str(details.get("because", "")), f"Paused by {who}."),
    "run.resumed": lambda who, details: f"Resumed by {who}.",
    "run.cancelled": lambda who, details: (
        f"{who} canceled the run for the remaining users." if details["started"] else f"{who} discarded the run."
    ),
    "run.undone": lambda who, details: f"{who} started an undo for {_users(details)}.",
    "run.done": lambda who, details: "Ended; every user has a result.",
}
