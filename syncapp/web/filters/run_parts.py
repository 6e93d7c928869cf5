"""The parts of a run's page: a result, a step above the page, a user's row."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.models import FilterRunItem
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs import titles
from syncapp.web.filters.matrix_presenter import method_of


@dataclass(frozen=True, slots=True)
class Class:
    """One result: how many users and filters ended so, and what it means.

    `retry_helps` says what has to change first, '' where trying again may help as it is.
    """

    outcome: Outcome
    icon: str
    tone: str
    means: str
    users: int
    filters: int | None
    may_retry: bool
    retry_helps: str = ""

    @property
    def key(self) -> str:
        return self.outcome.value or "open"


@dataclass(frozen=True, slots=True)
class StepShown:
    """One of the steps above the page."""

    word: str
    state: str

    @property
    def icon(self) -> str:
        return {"done": "check", "now": "on"}.get(self.state, "off")


@dataclass(frozen=True, slots=True)
class ItemShown:
    """One user's row: how his mailbox synchronizes, what is to be written for him, his meetings."""

    item: FilterRunItem
    is_on: bool

    @property
    def mailbox(self) -> tuple[str, str]:
        return method_of(self.item.user)

    @property
    def write(self) -> str:
        """ "3 filters off", "Server-side → None", or '' where nothing is written."""
        item = self.item
        if item.mailbox_id is not None and item.found_method != item.wanted_method:
            return f"{titles.method_word(item.found_method)} → {titles.method_word(item.wanted_method)}"
        filters = len(item.changes.all())
        return f"{filters} filter{'' if filters == 1 else 's'} {'on' if self.is_on else 'off'}" if filters else ""

    @property
    def meetings(self) -> str:
        """ "5 meetings, 23 attendees", '' where none is at risk."""
        item = self.item
        if not item.meetings:
            return ""
        return f"{item.meetings} meeting{'' if item.meetings == 1 else 's'}, {item.attendees} attendees"
