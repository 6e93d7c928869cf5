"""The matrix, a user's drawer and a run as their pages show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from syncapp.crm.directory_records import SyncMethod
from syncapp.filters import matrix, run_states, undo
from syncapp.filters.remedies import Remedy, remedy_of
from syncapp.models import FilterRow, FilterRun, FilterRunItem, FilterUser, Person
from syncapp.models.filter_run import Outcome, Plan, RunState
from syncapp.models.filter_tables import APPOINTMENT_TABLES, Cell, Group, group_of, name_of
from syncapp.models.filter_user import Cause, Reach
from syncapp.models.person import Role
from syncapp.web import reach_words
from syncapp.web.filter_asked import Asked

_ICONS = {Cell.ON: "on", Cell.OFF: "off", Cell.MIXED: "mixed", Cell.NONE: "minus", Cell.UNREAD: "clock"}
_METHODS = {
    SyncMethod.OUTLOOK: ("laptop", "Outlook"),
    SyncMethod.SERVER_SIDE: ("server", "Server-side"),
    SyncMethod.NONE: ("minus", "None"),
}
MOST_SHOWN = 200


@dataclass(frozen=True)
class CellShown:
    """One cell with the address that opens it."""

    group: Group
    cell: Cell
    words: str
    risk: str
    href: str

    @property
    def icon(self) -> str:
        return _ICONS[self.cell]


def cells(user: FilterUser, asked: Asked) -> Iterator[CellShown]:
    """The cells of a user's row."""
    for group in Group:
        cell = Cell(getattr(user, group.value))
        risky = group is Group.APPOINTMENTS and user.reach in (Reach.TWICE, Reach.NOT_AT_ALL) and cell is not Cell.NONE
        risk = Reach(user.reach).label.lower() if risky else ""
        href = asked.query(user=user.pk, group=group.value, after=asked.after)
        yield CellShown(group, cell, words_of(user, group, cell), risk, href)


def words_of(user: FilterUser, group: Group, cell: Cell) -> str:
    """What the cell says: mixed ones say how many."""
    if cell is not Cell.MIXED:
        return cell.label
    pairs = [pair for table, pair in user.tables.items() if group_of(table) is group]
    return f"{sum(pair[0] for pair in pairs)} of {sum(pair[1] for pair in pairs)}"


def method_of(user: FilterUser) -> tuple[str, str]:
    """Icon and word of how the mailbox synchronizes."""
    if user.mailbox_id is None or user.method is None:
        return "alert", "No mailbox"
    if user.mailbox_state != 0 or user.approval > 1:
        return "alert", "Not approved"
    return _METHODS.get(SyncMethod(user.method), ("minus", "None")) if user.method in (0, 1, 2) else ("minus", "None")


@dataclass(frozen=True)
class RowShown:
    """One user's row."""

    user: FilterUser
    asked: Asked

    @cached_property
    def cells(self) -> list[CellShown]:
        return list(cells(self.user, self.asked))

    @property
    def method(self) -> tuple[str, str]:
        return method_of(self.user)


class Drawer:
    """What is behind a cell, what follows from switching it, and the switch."""

    def __init__(self, user: FilterUser, group: Group) -> None:
        self.user, self.group = user, group
        self.method = method_of(user)
        self.cell = Cell(getattr(user, group.value))
        self.system = matrix.system_filters(group)

    @cached_property
    def tables(self) -> list[tuple[str, list[FilterRow], int]]:
        """Each table with its filters and how many of them are on."""
        rows = matrix.filters_of(self.user, self.group)
        parts = [(name_of(table), list(part)) for table, part in groupby(rows, key=lambda row: row.table)]
        return [(name, part, sum(row.is_on for row in part)) for name, part in parts]

    @property
    def verdict(self) -> tuple[str, str] | None:
        """How often appointments reach his Outlook, where the drawer is about them."""
        return reach_words.VERDICTS[Reach(self.user.reach)] if self.group is Group.APPOINTMENTS else None

    @property
    def remedy(self) -> Remedy:
        return remedy_of(Cause(self.user.cause), everybody_selects=any(row.state == 0 for row in self.system))

    @property
    def ends_altogether(self) -> bool:
        """Whether with all of them off nothing of it is synchronized any more, phone included."""
        return self.user.is_server_side and not any(row.state == 0 for row in self.system)

    @property
    def can_go_off(self) -> bool:
        return self.cell in (Cell.ON, Cell.MIXED)

    @property
    def can_go_on(self) -> bool:
        return self.cell in (Cell.OFF, Cell.MIXED)


_MEANINGS = {
    Outcome.DONE: ("check", "Switched, and read back as wanted"),
    Outcome.ALREADY: ("off", "Was so before; nothing written"),
    Outcome.NO_FILTER: ("minus", "Never set up synchronization of this"),
    Outcome.HELD: ("lock", "Meetings at risk, and nobody ticked the user"),
    Outcome.DISABLED: ("lock", "The user is disabled in the CRM"),
    Outcome.NO_ROLE: ("alert", "The user has no role in the CRM"),
    Outcome.DENIED: ("alert", "The CRM forbids it"),
    Outcome.CHANGED: ("user", "Changed after the list was frozen; left alone"),
    Outcome.FAILED: ("stop-sign", "Not switched; the reason stands with each"),
    Outcome.CANCELLED: ("cross", "Not begun before the run was cancelled"),
    Outcome.OPEN: ("clock", "Not yet"),
}
_PAUSES = {
    "pilot": "The pilot is done. Look at its results, then let the rest go on.",
    "failures": "It stopped itself: too many users failed.",
    "impersonation": "It stopped itself: the CRM ignored in whose name we wrote.",
}


class RunShown:
    """A run's page: the preview, or how far it is and what became of each user."""

    def __init__(self, run: FilterRun, person: Person, *, part: str = "") -> None:
        self.run, self.person, self.part = run, person, part

    @property
    def title(self) -> str:
        what = "Appointments" if set(self.run.tables) == set(APPOINTMENT_TABLES) else self.tables
        users = sum(self.outcomes.values())
        return f"{what} {'on' if self.run.wanted_on else 'off'} for {users} user{'' if users == 1 else 's'}"

    @property
    def tables(self) -> str:
        return ", ".join(name_of(table) for table in self.run.tables)

    @cached_property
    def outcomes(self) -> dict[str, int]:
        return run_states.outcomes(self.run)

    @cached_property
    def plans(self) -> list[tuple[Plan, int]]:
        counted = run_states.plans(self.run)
        return [(plan, counted.get(plan.value, 0)) for plan in Plan]

    @property
    def classes(self) -> list[tuple[str, str, str, int, str]]:
        """Value, icon, word, users and meaning of each class that occurs."""
        found = [(each, *_MEANINGS[each]) for each in Outcome if each.value in self.outcomes]
        return [
            (each.value or "open", icon, each.label, self.outcomes[each.value], means) for each, icon, means in found
        ]

    @property
    def is_preview(self) -> bool:
        return self.run.state in (RunState.COUNTING, RunState.PLANNED, RunState.WAITING)

    @property
    def is_moving(self) -> bool:
        """Whether the page should look again by itself."""
        return self.run.state in (RunState.COUNTING, RunState.RUNNING)

    @property
    def finished(self) -> int:
        return sum(users for outcome, users in self.outcomes.items() if outcome)

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    @property
    def pause_words(self) -> str:
        return _PAUSES.get(self.run.paused_because, "") if self.run.state == RunState.PAUSED else ""

    @cached_property
    def items(self) -> list[FilterRunItem]:
        """The users of the part that is asked for; those with meetings first."""
        items = self.run.items.select_related("user")
        if self.part in Plan.values:
            items = items.filter(plan=self.part)
        elif self.part == "open" or (self.part and self.part in Outcome.values):
            items = items.filter(outcome="" if self.part == "open" else self.part)
        return list(items.order_by("position")[:MOST_SHOWN])

    @cached_property
    def held(self) -> list[FilterRunItem]:
        """Those who are held back, with their meetings."""
        held = self.run.items.filter(plan=Plan.HELD).select_related("user").prefetch_related("meetings_at_risk")
        return list(held.order_by("position")[:MOST_SHOWN])

    @cached_property
    def can_be_undone(self) -> int:
        return undo.may_be_undone(self.run) if self._acts else 0

    @property
    def _acts(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def may_start(self) -> bool:
        return self._acts and self.run.state == RunState.PLANNED and self.run.person_id == self.person.pk

    @property
    def may_confirm(self) -> bool:
        confirms = self.person.has_role(Role.FILTER_MANAGER, Role.ADMINISTRATOR)
        return confirms and self.run.state == RunState.WAITING and self.run.person_id != self.person.pk

    @property
    def may_steer(self) -> bool:
        return self._acts and self.run.is_open
