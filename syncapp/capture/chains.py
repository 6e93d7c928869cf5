"""Chains of edits: what to stage for each Outlook edit to a contact, and which columns get their originals back.

    someone else: A      Outlook: A ─▶ B     Outlook: B ─▶ C         present value C
    └─ the baseline      └──────── a chain of linked entries ───┘    └─ restored to A, once

The original of a column is its baseline: the value left by the last entry not from Outlook, even an entry of ours. All
of a contact's known entries are read each time, even those handled before, so a late entry gets its place in the order.
If the original is not certain, the edit is staged and not restored. Pure functions: no database and no CRM.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from syncapp.capture.chain_records import (
    UNKNOWN,
    Change,
    ColumnPlan,
    ColumnState,
    Entry,
    History,
    LiveState,
    Outcome,
    Plan,
    Rejection,
    Repeat,
    Rules,
    SkipReason,
    StagedChange,
    StagedEdit,
    Value,
    Writer,
)
from syncapp.capture.entry_order import sorted_entries


def make_plan(history: History, live: LiveState | None, rules: Rules) -> Plan:
    """Return the plan for one contact: what to stage and restore; `live` is None if the contact was deleted."""
    walk = _Walk(history, rules)
    for entry in sorted_entries(history.entries, live, rules):
        walk.apply(entry)
    columns = {
        column: ColumnPlan(_outcome(column, state, live, history, rules), state.baseline, state.end, state.live_since)
        for column, state in walk.states.items()
        if state.live_since is not None and walk.has_unhandled_edit(column)
    }
    for column, column_plan in columns.items():
        walk.close(column, column_plan.outcome)
    return walk.plan(columns, live)


@dataclass(slots=True)
class _Staged:
    """A change to stage; its outcome is known once its chain has ended."""

    entry: Entry
    column: str
    original: Value
    proposed: Value
    outcome: Outcome | None = None


class _Walk:
    """The entries of one contact, applied one after the other."""

    def __init__(self, history: History, rules: Rules) -> None:
        self._history, self._rules = history, rules
        self.states: dict[str, ColumnState] = {}
        self._staged: list[_Staged] = []
        self._skipped: dict[tuple[uuid.UUID, str], SkipReason] = {}
        self._repeats: list[Repeat] = []
        self._unhandled: set[str] = set()

    def apply(self, entry: Entry) -> None:
        """Apply one entry to the states of its columns."""
        if entry.ends_baselines:
            for column, state in self.states.items():
                self.close(column, Outcome.ENDED)
                self.states[column] = ColumnState(state.end, state.end)
        for column, change in entry.changes.items():
            if entry.writer is not Writer.OUTLOOK:
                self._apply_other(entry, column, change)
            elif not change.is_reviewed:
                self._skip(entry, column, change, SkipReason.LET_THROUGH)
            elif self._is_echo(entry, column, change):
                self._skip(entry, column, change, SkipReason.ECHO)
            else:
                self._apply_outlook(entry, column, change)

    def has_unhandled_edit(self, column: str) -> bool:
        """Return whether the column's open chain has an edit that no earlier plan handled."""
        return column in self._unhandled

    def close(self, column: str, outcome: Outcome) -> None:
        """Set the outcome of the column's open changes."""
        self._unhandled.discard(column)
        for staged in self._staged:
            if staged.column == column and staged.outcome is None:
                staged.outcome = outcome

    def _apply_other(self, entry: Entry, column: str, change: Change) -> None:
        state = self.states.get(column)
        if entry.is_restore and state is not None and self._is_outlook_value(column, change.new, state):
            # An entry that arrived late shows that we restored one of Outlook's values.
            self.states[column] = replace(state, end=change.new)
            return
        self._replace_baseline(entry, column, change.new)

    def _replace_baseline(self, entry: Entry, column: str, value: Value) -> None:
        state = self.states.get(column)
        if state is not None and state.live_since is not None:
            is_back = self._same(column, value, state.baseline)
            self.close(column, Outcome.ORIGINAL if is_back else Outcome.OVERWRITTEN)
        self.states[column] = ColumnState(value, value, left_at=entry.at)

    def _is_outlook_value(self, column: str, value: Value, state: ColumnState) -> bool:
        if state.live_since is None or self._same(column, value, state.baseline):
            return False
        return value.is_known and any(self._rules.same(column, value.text, text) for text in state.values)

    def _skip(self, entry: Entry, column: str, change: Change, why: SkipReason) -> None:
        self._skipped[entry.id, column] = why
        self._replace_baseline(entry, column, change.new)

    def _is_echo(self, entry: Entry, column: str, change: Change) -> bool:
        """Return whether the synchronization only sent back a value that was just written, in its own format.

        A person can correct a format, too, so only a change right after a write on the CRM's side counts.
        """
        state, rules = self.states.get(column), self._rules
        if state is None or state.left_at is None or state.live_since is not None:
            return False
        if not (change.new.is_known and self._same(column, change.old, state.end)):
            return False
        is_soon = entry.at - state.left_at <= rules.echo_within
        return is_soon and rules.is_format_only(column, state.baseline.text, change.new.text)

    def _apply_outlook(self, entry: Entry, column: str, change: Change) -> None:
        state = self.states.get(column) or ColumnState(change.old, change.old)
        if not self._same(column, state.end, change.old):
            state = _break_chain(state, change.old)
        if self._same(column, change.new, state.baseline):
            self._skipped[entry.id, column] = SkipReason.UNDONE
            self.close(column, Outcome.ORIGINAL)
            self.states[column] = replace(state, end=change.new, live_since=None, values=())
            return
        if not entry.is_handled:
            self._unhandled.add(column)
        if (rejection := self._rejection(entry, column, change.new)) is not None:
            self._skipped[entry.id, column] = SkipReason.REPEATED
            if not entry.is_handled:
                self._repeats.append(Repeat(entry.id, rejection))
        else:
            self._staged.append(_Staged(entry, column, state.baseline, change.new))
        self.states[column] = replace(
            state,
            end=change.new,
            live_since=state.live_since or entry.at,
            may_restore=(state.may_restore or state.live_since is None) and entry.may_restore and change.may_restore,
            values=(*state.values, change.new.text) if change.new.is_known else state.values,
        )

    def _rejection(self, entry: Entry, column: str, value: Value) -> Rejection | None:
        if entry.editor is None or not value.is_known:
            return None
        oldest = entry.at - self._rules.rejection_counts_for
        for rejection in self._history.rejections:
            if rejection.column != column or rejection.editor != entry.editor or rejection.edit == entry.id:
                continue
            # The CRM's clock may differ from ours, so a known rejection counts regardless of when the value was sent.
            if rejection.at >= oldest and self._rules.same(column, rejection.value, value.text):
                return rejection
        return None

    def _same(self, column: str, one: Value, other: Value) -> bool:
        return one.is_known and other.is_known and self._rules.same(column, one.text, other.text)

    def plan(self, columns: Mapping[str, ColumnPlan], live: LiveState | None) -> Plan:
        """Return the plan for all entries that were not handled before."""
        changes: dict[uuid.UUID, list[StagedChange]] = defaultdict(list)
        entries: dict[uuid.UUID, Entry] = {}
        for index, staged in enumerate(self._staged):
            entry, column = staged.entry, staged.column
            if live is None:
                self._skipped[entry.id, column] = SkipReason.CONTACT_GONE
                continue
            proposed = staged.proposed
            if not proposed.is_known:
                is_last = not any(each.column == column for each in self._staged[index + 1 :])
                if is_last and column in columns and column in live.values:
                    proposed = Value(live.values[column])
            if not proposed.is_known:
                self._skipped[entry.id, column] = SkipReason.UNKNOWN_PROPOSAL
                continue
            entries[entry.id] = entry
            outcome = staged.outcome or Outcome.OVERWRITTEN
            changes[entry.id].append(StagedChange(column, staged.original, proposed.text, outcome))
        return Plan(
            staged=tuple(
                StagedEdit(entries[key], tuple(found)) for key, found in changes.items() if not entries[key].is_handled
            ),
            skipped=self._skipped,
            repeats=tuple(self._repeats),
            columns=columns if live is not None else {},
        )


def _break_chain(state: ColumnState, old: Value) -> ColumnState:
    """Return the state at an entry whose old value differs, or may differ, from what the entry before it left."""
    if not old.is_known:
        return replace(state, baseline=UNKNOWN, is_broken=True)
    # A known end proves that an unknown writer left `old`; an unknown end proves nothing about the baseline.
    is_replaced = state.end.is_known or state.live_since is None
    return replace(state, baseline=old if is_replaced else state.baseline, is_broken=True)


def _outcome(column: str, state: ColumnState, live: LiveState | None, history: History, rules: Rules) -> Outcome:
    if live is None or column not in live.values:
        return Outcome.UNREADABLE
    present = live.values[column]
    if state.baseline.is_known and rules.same(column, present, state.baseline.text):
        return Outcome.ORIGINAL
    if not live.is_active:
        return Outcome.MERGED if live.is_merged else Outcome.INACTIVE
    if not state.baseline.is_known:
        return Outcome.UNKNOWN_ORIGINAL
    if state.is_broken:
        return Outcome.GAP
    if not state.end.is_known:
        return Outcome.UNKNOWN_VALUE
    if not rules.same(column, present, state.end.text):
        return Outcome.OTHERS_VALUE
    if not state.may_restore:
        return Outcome.NOT_ALLOWED
    if rules.now - (state.live_since or rules.now) > rules.late_after:
        return Outcome.TOO_LATE
    return Outcome.HELD if column in history.held else Outcome.RESTORE
