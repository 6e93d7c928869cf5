"""The state machine: rules that can run in any order, for which Hypothesis seeks an order that breaks an invariant.

There are few rules with many variants each, because Hypothesis omits about half of the rules in each run, and a run
without decisions finds nothing. Drawn values never depend on the state (`pick` finds a row or None), so a run can be
repeated.
"""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.machine import clock, faults, people
from tests.machine.crm import CONTACTS, EDITORS
from tests.machine.faults import Fault
from tests.machine.reviewers import NAMES
from tests.machine.samples import COLUMNS, wire
from tests.machine.world import World

numbers = st.integers(0, 5)
contacts = st.integers(0, CONTACTS - 1)
values = st.integers(0, 2)
edits = st.dictionaries(st.sampled_from(COLUMNS), values, min_size=1, max_size=2)
reviewers = st.sampled_from(NAMES)


class Machine(RuleBasedStateMachine):
    """One run: a reset world, steps in any order, and finally all work completed."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.begin()

    @invariant()
    def invariants_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # after a failure, further checks would hide its cause
            self.world.run_until_idle()

    # --- people ---------------------------------------------------------------------------------------------------

    @initialize(first=edits, second=edits)
    def two_edits_are_mirrored(self, first: dict[str, int], second: dict[str, int]) -> None:
        for contact, edit in enumerate((first, second)):
            self.world.sandbox.edit_in_outlook(self.world.contacts[contact], wire(edit), by="Jonas Weber")
        self.world.portal.pull()

    @rule(contact=contacts, edit=edits, by=st.sampled_from(EDITORS), pulled=st.booleans())
    def edit(self, contact: int, edit: dict[str, int], by: str, pulled: bool) -> None:
        self.world.sandbox.edit_in_outlook(self.world.contacts[contact], wire(edit), by=by)
        if pulled:
            self.world.portal.pull()

    @rule(what=st.sampled_from(people.IN_THE_CRM), number=numbers, value=values)
    def someone_in_the_crm(self, what: str, number: int, value: int) -> None:
        people.in_the_crm(self.world, what, number, value)

    @rule(what=st.sampled_from(people.AT_THE_PORTAL), number=numbers, value=values, by=reviewers)
    def reviewer(self, what: str, number: int, value: int, by: str) -> None:
        people.at_the_portal(self.world, what, number, value, by=by)

    # --- the portal's processes -----------------------------------------------------------------------------------

    @rule(what=st.sampled_from(people.DECISIONS), number=numbers, value=values, meanwhile=faults.by_others)
    def deliver_while_others_act(self, what: str, number: int, value: int, meanwhile: Fault) -> None:
        self.deliver_decision(what, number, value, meanwhile)

    @rule(what=st.sampled_from(people.DECISIONS), number=numbers, value=values, meanwhile=faults.by_failures)
    def deliver_while_something_fails(self, what: str, number: int, value: int, meanwhile: Fault) -> None:
        self.deliver_decision(what, number, value, meanwhile)

    def deliver_decision(self, what: str, number: int, value: int, meanwhile: Fault) -> None:
        """Decide while everything works, then start the fault and deliver."""
        self.world.recover_fully()
        people.at_the_portal(self.world, what, number, value, by="Rob Marchetti")
        meanwhile.begin(self.world)
        clock.forward(clock.JUMPS["the undo window"])
        self.world.portal.tick()

    @rule(jump=st.sampled_from(sorted(clock.JUMPS)))
    def deliver(self, jump: str) -> None:
        self.deliver_after(jump)

    def deliver_after(self, jump: str) -> None:
        clock.forward(clock.JUMPS[jump])
        self.world.portal.tick()

    @rule(full=st.booleans(), meanwhile=faults.while_pulling)
    def pull(self, full: bool, meanwhile: Fault) -> None:
        meanwhile.begin(self.world)
        if full:
            self.world.portal.request_full_reads()
        self.world.portal.pull()

    @rule(meanwhile=faults.lasting)
    def start_fault(self, meanwhile: Fault) -> None:
        meanwhile.begin(self.world)
