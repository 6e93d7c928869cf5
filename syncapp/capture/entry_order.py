"""The order of audit entries: by time, and within one second by their values.

The CRM's times have whole seconds, so entries of the same second are ordered such that each one's old value
is what the entry before it left. If several orders fit, entries that were handled before come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, permutations

from syncapp.capture.chain_records import Entry, LiveState, Rules, Value

# If more entries of one second share columns, they stay in the order of their ids: there are too many orders to try.
MAX_PERMUTED = 5


def sorted_entries(entries: Sequence[Entry], live: LiveState | None, rules: Rules) -> list[Entry]:
    """Return the entries in the order in which they happened, judged by their times and values."""
    known: dict[str, Value] = {}
    by_time = sorted(entries, key=lambda entry: (entry.at, not entry.is_handled, entry.id))
    groups = [list(group) for _, group in groupby(by_time, key=lambda entry: entry.at)]
    found: list[Entry] = []
    for number, group in enumerate(groups):
        later = [entry for each in groups[number + 1 :] for entry in each]
        for part in _parts(group):
            if 1 < len(part) <= MAX_PERMUTED:
                part = _best_order(part, later, known, live, rules)
            for entry in part:
                known |= {column: change.new for column, change in entry.changes.items()}
            found += part
    return found


def _parts(group: Sequence[Entry]) -> list[list[Entry]]:
    """Split the entries of one second into parts that share no column, so the order of the parts does not matter."""
    parts: list[list[Entry]] = []
    for entry in group:
        touched = [part for part in parts if any(_must_be_ordered(entry, other) for other in part)]
        parts = [part for part in parts if part not in touched]
        parts.append([*(other for part in touched for other in part), entry])
    return parts


def _must_be_ordered(one: Entry, other: Entry) -> bool:
    return one.ends_baselines or other.ends_baselines or not one.changes.keys().isdisjoint(other.changes)


def _best_order(
    part: Sequence[Entry], later: Sequence[Entry], known: Mapping[str, Value], live: LiveState | None, rules: Rules
) -> list[Entry]:
    """Return entries of one second in the first order that has the fewest breaks."""
    columns = {column for entry in part for column in entry.changes}
    # Entries that have not arrived yet can change the live values, so a later entry says more about this second.
    after = next(([entry] for entry in later if not columns.isdisjoint(entry.changes)), [])
    present = {} if after or live is None else live.values
    return list(min(permutations(part), key=lambda order: _breaks([*order, *after], known, present, rules)))


def _breaks(
    order: Sequence[Entry], start: Mapping[str, Value], present: Mapping[str, str | None], rules: Rules
) -> tuple[int, int]:
    """Count old values that differ from the column's previous value, and final values that differ from live ones."""
    known, breaks = dict(start), 0
    for entry in order:
        for column, change in entry.changes.items():
            before = known.get(column)
            if before is not None and before.is_known and change.old.is_known:
                breaks += not rules.same(column, before.text, change.old.text)
            known[column] = change.new
    changed = {column for entry in order for column in entry.changes if column in present}
    ends = [column for column in changed if known[column].is_known]
    return breaks, sum(not rules.same(column, known[column].text, present[column]) for column in ends)
