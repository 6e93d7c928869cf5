"""One user of a run on its page: mailbox, change, and meetings at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from syncapp.models import FilterRunItem, MeetingAtRisk
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.sync_filters.runs import titles
from syncapp.text import localization
from syncapp.text.localization import number
from syncapp.web.base import times
from syncapp.web.filters import run_words
from syncapp.web.filters.matrix_presenter import method_of


@dataclass(frozen=True, slots=True)
class MeetingPresenter:
    """A meeting at risk. A series keeps its first date, so a current series began in the past."""

    meeting: MeetingAtRisk
    now: datetime

    @property
    def subject(self) -> str:
        return self.meeting.subject

    @property
    def attendees(self) -> int:
        return self.meeting.attendees

    @property
    def starts_at(self) -> datetime | None:
        return self.meeting.starts_at

    @property
    def is_ahead(self) -> bool:
        return self.starts_at is not None and self.starts_at >= self.now

    @property
    def when(self) -> str:
        """Return "Thu 19 Nov 2026, 16:03", or "Series since …" for a current series."""
        if self.starts_at is None:
            return "Date not known"
        if self.is_ahead or self.meeting.table != "recurringappointmentmaster":
            return times.moment(self.starts_at)
        return f"Series since {localization.day(timezone.localtime(self.starts_at))}"


@dataclass(frozen=True, slots=True)
class ItemPresenter:
    """One user's row. `filters`: how many filters of the run's tables the user has, if that was counted."""

    item: FilterRunItem
    wanted_on: bool
    now: datetime
    filters: int = 0

    @property
    def outcome_label(self) -> str:
        return run_words.outcome_label(self.item.run, Outcome(self.item.outcome))

    @property
    def mailbox(self) -> tuple[str, str]:
        return method_of(self.item.user)

    @property
    def sets_method(self) -> bool:
        """Return whether the user's mailbox method is to be set, instead of filters."""
        return self.item.mailbox_id is not None

    @property
    def planned_write(self) -> str:
        """Return "3 filters off", "Server-side → None", or '' if nothing is to be written."""
        item = self.item
        if self.sets_method and item.found_method != item.wanted_method:
            return f"{titles.method_word(item.found_method)} → {titles.method_word(item.wanted_method)}"
        filters = len(item.changes.all())
        return f"{filters} filter{'' if filters == 1 else 's'} {'on' if self.wanted_on else 'off'}" if filters else ""

    @property
    def found(self) -> tuple[str, str]:
        """Return the icon and words of the state found: "On", or "2 of 3 on" if some filters are already as wanted."""
        if self.sets_method:
            return "", titles.method_word(self.item.found_method)
        word, icon = ("off", "off") if self.wanted_on else ("on", "on")
        changing = len(self.item.changes.all())
        if changing < self.filters:
            return "mixed", f"{changing} of {self.filters} {word}"
        return icon, word.capitalize()

    @property
    def wanted(self) -> tuple[str, str]:
        """Return the icon and word of the state after the run."""
        if self.sets_method:
            return "", titles.method_word(self.item.wanted_method)
        return ("on", "On") if self.wanted_on else ("off", "Off")

    @property
    def has_change(self) -> bool:
        """Return whether the list has a change for this user, even one that is held back or left out."""
        return self.item.plan in (Plan.CHANGE, Plan.HELD, Plan.LEFT_OUT)

    @property
    def meetings(self) -> str:
        """Return "5 meetings, 23 attendees", '' if none is at risk."""
        item = self.item
        if not item.meetings:
            return ""
        meetings = f"{number(item.meetings)} meeting{'' if item.meetings == 1 else 's'}"
        return f"{meetings}, {number(item.attendees or 0)} attendee{'' if item.attendees == 1 else 's'}"

    @property
    def plan_words(self) -> str:
        """Return "Will change, released: 5 meetings, 23 attendees"."""
        words = str(self.item.get_plan_display()) + (", released" if self.item.released else "")
        return f"{words}: {self.meetings}" if self.meetings else words

    @property
    def meetings_in_order(self) -> Sequence[MeetingPresenter]:
        """Return the meetings by time; current series, whose next date is not known, come last."""
        found = [MeetingPresenter(meeting, self.now) for meeting in self.item.meetings_at_risk.all()]
        return sorted(found, key=lambda each: (not each.is_ahead, each.starts_at or each.now, each.meeting.pk))
