"""Random histories of one column, judged by a model that knows who wrote what and what each writer meant.

The model never looks at a plan: it keeps the true writes, and checks each restore and the end against them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syncapp.capture import chains
from syncapp.capture.chain_records import UNKNOWN, Change, Entry, History, LiveState, Plan, Rules, Value, Writer
from tests.capture.edits import OLE, PHONE, RITA, START, same

MINUTE = timedelta(minutes=1)
WRITES = ("outlook", "other", "ours", "ends", "undone", "again")
Planner = Callable[[History, LiveState | None, Rules], Plan]


@dataclass
class Write:
    """One true write: `legitimate` is the value that the column should have while Outlook's is not approved."""

    entry: Entry
    value: str
    legitimate: str
    is_readable: bool = True


@dataclass
class World:
    """A contact's column in the CRM, its audit log, and a portal that captures."""

    plan: Planner
    value: str = "v0"
    legitimate: str = "v0"
    is_outlooks: bool = False
    writes: list[Write] = field(default_factory=list)
    created: Counter[UUID] = field(default_factory=Counter)
    restored_flags: dict[UUID, bool] = field(default_factory=dict)
    handled: set[UUID] = field(default_factory=set)
    passed: set[UUID] = field(default_factory=set)
    second: int = 0
    number: int = 0

    def write(self, kind: str, *, pause: int, is_late: bool, is_unknown: bool) -> None:
        """Write as this writer; an unknown old value is one that the log truncated."""
        self.second += pause
        self.number += 1
        # It changes no value, so only the entry shows it.
        is_late = is_late and kind != "ends"
        new = {"ends": self.value, "undone": self.legitimate, "again": self._earlier()}.get(kind, f"v{self.number}")
        # While entries are missing, equal values from different writers cannot be distinguished.
        if kind in ("undone", "again") and (is_late or self._some_are_unreadable()):
            new = f"v{self.number}"
        if new == self.value and kind != "ends":
            return
        by_outlook = kind in ("outlook", "undone")
        self._record(Writer.OUTLOOK if by_outlook else Writer.OURS if kind == "ours" else Writer.OTHER, new, kind)
        if kind == "ends" or not by_outlook:
            self.legitimate = new
        self.is_outlooks = by_outlook and new != self.legitimate
        self.value = new
        self.writes[-1].legitimate = self.legitimate
        self.writes[-1].is_readable = not is_late
        if is_unknown and kind != "ends":
            entry = self.writes[-1].entry
            change = replace(entry.changes[PHONE], old=UNKNOWN)
            self.writes[-1].entry = replace(entry, changes={PHONE: change})

    def _earlier(self) -> str:
        return self.writes[len(self.writes) // 2].value if self.writes else "v0"

    def _some_are_unreadable(self) -> bool:
        return any(not write.is_readable for write in self.writes)

    def _record(self, writer: Writer, new: str, kind: str) -> None:
        entry = Entry(
            UUID(int=1_000 - self.number * 7 % 997 + self.number * 1_000),
            START + timedelta(seconds=self.second),
            writer,
            {} if kind == "ends" else {PHONE: Change(Value(self.value), Value(new))},
            editor=RITA if self.number % 3 else OLE,
            ends_baselines=kind == "ends",
            is_restore=kind == "restore",
        )
        self.writes.append(Write(entry, new, self.legitimate))

    def capture(self, *, crash: str = "", overtaken: bool = False) -> None:
        """Do what the job does: read, plan, one change set, remember. It may die, or be overtaken by a program."""
        entries = [
            replace(write.entry, is_handled=write.entry.id in self.handled)
            for write in self.writes
            if write.is_readable
        ]
        now = START + timedelta(seconds=self.second)
        plan = self.plan(History(entries), LiveState({PHONE: self.value}), Rules(now=now, same=same))
        if overtaken:
            self.write("other", pause=1, is_late=False, is_unknown=False)
        if crash == "before" or overtaken:  # the change set was refused: the contact's version is not the one read
            return
        for edit in plan.staged:
            if not self.created[edit.entry.id]:
                self.created[edit.entry.id] += 1
                self.restored_flags[edit.entry.id] = edit.is_restored
        for text in plan.restores.values():
            self._restore(text)
        if crash == "after":
            return
        self.passed |= {entry for entry, _ in plan.skipped}
        self.handled |= {entry.id for entry in entries}

    def _restore(self, text: str | None) -> None:
        assert text is not None
        outlooks = {write.value for write in self.writes if write.entry.writer is Writer.OUTLOOK}
        late = any(not write.is_readable and write.entry.writer is Writer.OUTLOOK for write in self.writes)
        assert self.is_outlooks, f"{self.value} was not Outlook's, and is lost"
        assert text == self.legitimate or (late and text in outlooks), f"{text} instead of {self.legitimate}"
        self.number += 1
        self._record(Writer.OURS, text, "restore")
        self.value, self.is_outlooks = text, text != self.legitimate

    def finish(self) -> None:
        """Let all entries appear, capture until nothing changes, and check the end."""
        for write in self.writes:
            write.is_readable = True
        for _ in range(3):
            self.capture()
        edits = [write.entry for write in self.writes if write.entry.writer is Writer.OUTLOOK]
        for entry in edits:
            assert self.created[entry.id] <= 1
            assert self.created[entry.id] == 1 or entry.id in self.passed, "an edit is neither staged nor let through"
        if self.value != self.legitimate:
            kept = [entry.id for entry in edits if self.restored_flags.get(entry.id) is False]
            assert kept, "an Outlook value stays, and no staged edit says so"


def _steps() -> st.SearchStrategy[list[tuple[object, ...]]]:
    write = st.tuples(
        st.just("write"),
        st.sampled_from(WRITES),
        st.sampled_from([0, 1, 1, 2, 400]),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([False, False, False, False, True]),
    )
    capture = st.tuples(st.just("capture"), st.sampled_from(["", "", "", "before", "after", "overtaken"]))
    appear = st.tuples(st.just("appear"))
    return st.lists(st.one_of(write, write, capture, appear), min_size=3, max_size=25)


def _run(steps: list[tuple[object, ...]], plan: Planner) -> None:
    world = World(plan)
    for step in steps:
        if step[0] == "write":
            _, kind, pause, is_late, is_unknown = step
            world.write(str(kind), pause=int(str(pause)), is_late=bool(is_late), is_unknown=bool(is_unknown))
        elif step[0] == "capture":
            how = str(step[1])
            world.second += 5  # the wait after the last entry
            world.capture(crash=how if how != "overtaken" else "", overtaken=how == "overtaken")
        else:
            for write in world.writes:
                write.is_readable = True
    world.finish()


CHECKED = settings(max_examples=1_500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@CHECKED
@given(_steps())
def test_random_histories_agree_with_model(steps: list[tuple[object, ...]]) -> None:
    _run(steps, chains.make_plan)


def _first_original(history: History, live: LiveState | None, rules: Rules) -> Plan:
    """Plan as if only Outlook ever wrote: the first original counts."""
    only = [entry for entry in history.entries if entry.writer is Writer.OUTLOOK]
    return chains.make_plan(replace(history, entries=only), live, rules)


def _absent_means_empty(history: History, live: LiveState | None, rules: Rules) -> Plan:
    found = [
        replace(entry, changes={name: replace(each, old=Value(each.old.text)) for name, each in entry.changes.items()})
        for entry in history.entries
    ]
    return chains.make_plan(replace(history, entries=found), live, rules)


def _chain_anew(history: History, live: LiveState | None, rules: Rules) -> Plan:
    """Plan only with entries that no earlier plan handled, so that a chain begins in its middle."""
    fresh = [entry for entry in history.entries if not entry.is_handled]
    return chains.make_plan(replace(history, entries=fresh), live, rules)


def _without_links(history: History, live: LiveState | None, rules: Rules) -> Plan:
    return chains.make_plan(history, live, replace(rules, same=lambda column, one, other: True))


def _without_ends(history: History, live: LiveState | None, rules: Rules) -> Plan:
    found = [replace(entry, ends_baselines=False) for entry in history.entries]
    return chains.make_plan(replace(history, entries=found), live, rules)


@pytest.mark.parametrize(
    "bug",
    [_first_original, _absent_means_empty, _chain_anew, _without_links, _without_ends],
    ids=lambda bug: bug.__name__,
)
def test_model_finds_seeded_bug(bug: Planner) -> None:
    @settings(CHECKED, phases=[Phase.generate], database=None)
    @given(_steps())
    def search(steps: list[tuple[object, ...]]) -> None:
        _run(steps, bug)

    with pytest.raises(AssertionError):
        search()
