"""Guards of the real code that can be taken out, one at a time, to see that the machine misses them.

A guard is named by its own text, so a change of that text stops the test instead of testing nothing.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from syncapp import gates
from syncapp.crm import batch
from syncapp.mirror import changes, rows, supersede
from syncapp.models.durable_work import DurableQuerySet
from syncapp.review import change_sets, conflicts, decisions, settlement


@dataclass(frozen=True, slots=True)
class SeededBug:
    """`guard`, a piece of the source of `function`, becomes `instead`."""

    name: str
    owner: Any
    function: str
    guard: str
    instead: str

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the guard out until the test ends."""
        original = inspect.unwrap(getattr(self.owner, self.function))
        source = textwrap.dedent(inspect.getsource(original))
        assert self.guard in source, f"{self.function} has no {self.guard!r} any more"
        source = source.replace(self.guard, self.instead)
        monkeypatch.setattr(self.owner, self.function, _compiled(source, original))


def _compiled(source: str, original: Callable[..., Any]) -> Any:
    module = sys.modules[original.__module__]
    found: dict[str, Any] = {}
    exec(compile(f"from __future__ import annotations\n{source}", str(module.__file__), "exec"), vars(module), found)  # noqa: S102  (our own source, with one guard less)
    return found[original.__name__]


SEEDED_BUGS = (
    SeededBug(
        "a lost answer is not read back",
        conflicts,
        "_judge_one",
        "if staged.decision_id == str(decision.pk):",
        "if False:",
    ),
    SeededBug(
        "a decision in the CRM is written over",
        conflicts,
        "_judge_one",
        "if staged.state != 0 and",
        "if False and",
    ),
    SeededBug(
        "the CRM's value is not compared",
        conflicts,
        "_compare",
        "if values.same(column_type, now, decision.expected_value):",
        "if True:",
    ),
    SeededBug(
        "a row is written whatever its ETag is by now",
        batch,
        "_patch",
        ', "If-Match": write.if_match',
        "",
    ),
    SeededBug(
        "a worker writes after its lease ended",
        DurableQuerySet,
        "held_by",
        "fence=fence, ",
        "",
    ),
    SeededBug(
        "a decision in a delivery can be undone",
        decisions,
        "undo",
        "state=DecisionState.OPEN)",
        "state__in=['open', 'bound'])",
    ),
    SeededBug(
        "a form decides what its reviewer never saw",
        decisions,
        "_refuse_if_moved",
        "if seen(field) != seen_before:",
        "if False:",
    ),
    SeededBug(
        "people decide their own edits",
        decisions,
        "_new_decision",
        "_editor_oid(field, by=by) if settings.FOUR_EYES else None",
        "None",
    ),
    SeededBug(
        "two approvals of one column go together",
        change_sets,
        "waves",
        "number = used[column] if decision.writes else 0",
        "number = 0",
    ),
    SeededBug(
        "settled fields are not counted",
        settlement,
        "_recount",
        "SyncRecord.objects.recount(",
        "set(",
    ),
    SeededBug(
        "the cursor moves before its page is stored",
        changes,
        "_store_page",
        "parts = list(rows.chunks(page.rows))",
        "cursors.move(reader, next_link=page.next_link, delta_link=page.delta_link)\n    "
        "parts = list(rows.chunks(page.rows))",
    ),
    SeededBug(
        "a newer edit supersedes nothing",
        supersede,
        "_is_open",
        "row.decision == FieldDecision.PENDING",
        "False",
    ),
    SeededBug(
        "our own mark is taken for a decision in the CRM",
        rows,
        "_withdraw_decided",
        "if row.decision_id.lower() not in ours",
        "",
    ),
    SeededBug(
        "a second closed gate lets nobody probe",
        gates,
        "pass_through",
        "if None in probes.values():",
        "if len(probes) > 1 or None in probes.values():",
    ),
)
