"""Seeded bugs: guards of the real code that are removed one at a time, to prove that the machine detects it.

A guard is identified by its source text, so a change of that text fails the test instead of testing nothing. To take
seconds instead of minutes, the machine runs with fewer rules and only the faults that the guard protects against.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from syncapp.crm import batch
from syncapp.jobs import breakers
from syncapp.mirror.edits import pull, rows, supersede
from syncapp.models.jobs.job import JobQuerySet
from syncapp.review import decisions
from syncapp.review.delivery import change_sets, conflicts, results
from tests.machine import people
from tests.machine.failpoints import DELIVERY_POINTS
from tests.machine.faults import Fault
from tests.machine.machine import Machine, values

RULES = (
    "edit",
    "someone_in_the_crm",
    "reviewer",
    "deliver_while_others_act",
    "deliver_while_something_fails",
    "deliver",
    "pull",
    "start_fault",
)
BEFORE_SENDING = ("delivery.claimed", "delivery.read", "delivery.sent")


@dataclass(frozen=True, slots=True)
class SeededBug:
    """A bug: `guard`, a part of the source of `function`, is replaced by `instead`.

    The other attributes narrow the machine to what can reveal the bug: rules to keep, and variants of the others. Deep
    bugs take longer to find than a test run allows; MACHINE_BUGS=all looks for them too.
    """

    name: str
    owner: Any
    function: str
    guard: str
    instead: str
    rules: tuple[str, ...] = ()
    in_the_crm: tuple[str, ...] = ()
    at_the_portal: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    faults: tuple[str, ...] = ("nothing",)
    points: tuple[str, ...] = DELIVERY_POINTS
    decisions: tuple[str, ...] = ("approves", "rejects")
    picks: int = 2
    jumps: tuple[str, ...] = ()
    is_deep: bool = False

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Remove the guard until the test ends."""
        original = inspect.unwrap(getattr(self.owner, self.function))
        source = textwrap.dedent(inspect.getsource(original))
        assert self.guard in source, f"{self.function} no longer has {self.guard!r}"
        source = source.replace(self.guard, self.instead)
        monkeypatch.setattr(self.owner, self.function, _compiled(source, original))

    def machine(self) -> type[Machine]:
        """Return the machine with the remaining rules, and one that decides and delivers during these faults."""
        members: dict[str, Any] = dict.fromkeys(name for name in RULES if name not in self.rules)
        members["decide_amid_this_fault"] = _deciding(self)
        narrow = {
            "someone_in_the_crm": self.in_the_crm,
            "reviewer": self.at_the_portal,
            "start_fault": self.lasting,
            "deliver": self.jumps,
        }
        members |= {name: _NARROW[name](self) for name, variants in narrow.items() if variants}
        return type("NarrowMachine", (Machine,), members)


def _deciding(bug: SeededBug) -> Any:
    faults = st.builds(Fault, st.sampled_from(bug.faults), st.sampled_from(bug.points), values)
    numbers = st.integers(0, bug.picks - 1)

    @rule(what=st.sampled_from(bug.decisions), number=numbers, value=values, meanwhile=faults)
    def decide_amid_this_fault(self: Machine, what: str, number: int, value: int, meanwhile: Fault) -> None:
        self.deliver_decision(what, number, value, meanwhile)

    return decide_amid_this_fault


def _in_the_crm(bug: SeededBug) -> Any:
    @rule(what=st.sampled_from(bug.in_the_crm), number=st.integers(0, bug.picks - 1), value=values)
    def someone_in_the_crm(self: Machine, what: str, number: int, value: int) -> None:
        people.in_the_crm(self.world, what, number, value)

    return someone_in_the_crm


def _at_the_portal(bug: SeededBug) -> Any:
    """Return the rule with Rita as the reviewer, since she also edits contacts."""

    @rule(what=st.sampled_from(bug.at_the_portal), number=st.integers(0, bug.picks - 1), value=values)
    def reviewer(self: Machine, what: str, number: int, value: int) -> None:
        people.at_the_portal(self.world, what, number, value, by="Rita Lindqvist")

    return reviewer


def _starting_fault(bug: SeededBug) -> Any:
    @rule(what=st.sampled_from(bug.lasting))
    def start_fault(self: Machine, what: str) -> None:
        Fault(what).begin(self.world)

    return start_fault


def _delivering(bug: SeededBug) -> Any:
    @rule(jump=st.sampled_from(bug.jumps))
    def deliver(self: Machine, jump: str) -> None:
        self.deliver_after(jump)

    return deliver


_NARROW: dict[str, Callable[[SeededBug], Any]] = {
    "someone_in_the_crm": _in_the_crm,
    "reviewer": _at_the_portal,
    "start_fault": _starting_fault,
    "deliver": _delivering,
}


def _compiled(source: str, original: Callable[..., Any]) -> Any:
    module = sys.modules[original.__module__]
    found: dict[str, Any] = {}
    exec(compile(f"from __future__ import annotations\n{source}", str(module.__file__), "exec"), vars(module), found)  # noqa: S102  (our own source, with one guard less)
    return found[original.__name__]


SEEDED_BUGS = (
    SeededBug(
        name="a lost answer is not read back",
        owner=conflicts,
        function="_assess_decision",
        guard="if staged.decision_id == str(decision.pk):",
        instead="if False:",
        rules=("deliver",),
        faults=("the power is cut",),
        is_deep=True,
    ),
    SeededBug(
        name="a decision in the CRM is written over",
        owner=conflicts,
        function="_assess_decision",
        guard="if staged.state != 0 and",
        instead="if False and",
        faults=("somebody approves in the CRM", "somebody rejects in the CRM"),
        points=BEFORE_SENDING,
    ),
    SeededBug(
        name="the CRM's value is not compared",
        owner=conflicts,
        function="_assess_value",
        guard="elif not conversion.same(column.type, live_value, decision.expected_value):",
        instead="elif False:",
        faults=("a form changes the field",),
        points=BEFORE_SENDING,
    ),
    SeededBug(
        name="a row is written without comparing its ETag",
        owner=batch,
        function="_change_set",
        guard=", **write.condition",
        instead="",
        faults=("a form changes the field", "the contact is deleted"),
        points=("delivery.read", "delivery.sent"),
    ),
    SeededBug(
        name="a worker writes after its lease ended",
        owner=JobQuerySet,
        function="held_by",
        guard="fencing_token=fencing_token, ",
        instead="",
        faults=("another worker takes over and dies",),
        points=BEFORE_SENDING,
    ),
    SeededBug(
        name="a decision in a delivery can be undone",
        owner=decisions,
        function="undo",
        guard="state=DecisionState.OPEN)",
        instead="state__in=['open', 'bound'])",
        faults=("the reviewer undoes",),
        is_deep=True,
    ),
    SeededBug(
        name="a form decides what its reviewer never saw",
        owner=decisions,
        function="_check_choice",
        guard="if context.digest(field) != choice.seen:",
        instead="if False:",
        in_the_crm=("edits the same field by a form",),
        at_the_portal=("leaves a form open", "looks at the CRM's values"),
        decisions=("submits an old form",),
        is_deep=True,
    ),
    SeededBug(
        name="people decide their own edits",
        owner=decisions,
        function="new_decision",
        guard="editors, editor_id = shared.editors",
        instead="editors, editor_id = four_eyes.Editors({}, allows_unidentified=True, is_on=False)",
        rules=("edit",),
        at_the_portal=("approves",),
        picks=6,
        is_deep=True,
    ),
    SeededBug(
        name="two approvals of one column share a change set",
        owner=change_sets,
        function="split_waves",
        guard="number = writes_of_column[column] if decision.writes else 0",
        instead="number = 0",
        in_the_crm=("edits the same field in Outlook",),
        at_the_portal=("approves",),
        is_deep=True,
    ),
    SeededBug(
        name="finished fields are not counted",
        owner=results,
        function="_recount",
        guard="SyncRecord.objects.recount(",
        instead="set(",
    ),
    SeededBug(
        name="the cursor moves before its page is stored",
        owner=pull,
        function="_store_page",
        guard="for part in rows.split_chunks(page.rows):",
        instead="cursors.advance(running.leases[table.name], next_link=page.next_link, delta_link=page.delta_link)\n"
        "    for part in rows.split_chunks(page.rows):",
        rules=("edit", "pull"),
        is_deep=True,
    ),
    SeededBug(
        name="a newer edit supersedes nothing",
        owner=supersede,
        function="supersede",
        guard="row.decision == FieldDecision.PENDING",
        instead="False",
        in_the_crm=("edits the same field in Outlook",),
    ),
    SeededBug(
        name="our own mark is taken for a decision in the CRM",
        owner=rows,
        function="_withdraw_decided",
        guard="if (pk, mark) not in ours",
        instead="",
        rules=("pull", "deliver"),
        faults=("the power is cut", "a form changes the field"),
        decisions=("approves", "puts back or approves after all"),
        is_deep=True,
    ),
    SeededBug(
        name="a second open breaker prevents probes",
        owner=breakers,
        function="try_acquire",
        guard="if None in probe_times.values():",
        instead="if len(probe_times) > 1 or None in probe_times.values():",
        rules=("edit",),
        lasting=("the client secret ends",),
        jumps=("a day",),
        faults=("the CRM fails",),
        points=("429 on a write",),
        is_deep=True,
    ),
)
