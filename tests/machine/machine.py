"""The rules: what can happen, in any order. Hypothesis looks for an order that breaks a promise.

What is drawn never depends on what is there (`pick` finds something or nothing), so a run can be repeated and shrunk.
"""

from __future__ import annotations

import sys

from django.db.models import Q
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from syncapp import gates
from syncapp.crm.errors import Unreachable
from syncapp.models import Gate
from syncapp.models.decision import Outcome
from syncapp.models.sync_field import FieldDelivery
from tests.machine import clock
from tests.machine.crm import CONTACTS, EDITORS, FAULTS
from tests.machine.ledger import CONTACT, FIELD, RECORD
from tests.machine.meanwhile import Meanwhile, anything, cut_points
from tests.machine.reviewers import NAMES, Form
from tests.machine.samples import COLUMNS, REFUSED_COLUMN, REFUSED_VALUE, SAMPLES
from tests.machine.world import World, pick

numbers = st.integers(0, 5)
contacts = st.integers(0, CONTACTS - 1)
values = st.integers(0, 2)
edits = st.dictionaries(st.sampled_from(COLUMNS), values, min_size=1, max_size=2)
reviewers = st.sampled_from(NAMES)
outcomes = st.sampled_from([Outcome.APPROVED, Outcome.APPROVED, Outcome.REJECTED])
jumps = st.sampled_from(sorted(clock.JUMPS))

IN_THE_CRM = Q(delivery__in=[FieldDelivery.DONE, FieldDelivery.ALREADY])
FAILED = Q(delivery=FieldDelivery.FAILED)


def wire(edit: dict[str, int]) -> dict[str, object]:
    """An edit as Outlook or a form sends it."""
    return {column: SAMPLES[column][number].wire for column, number in edit.items()}


class Machine(RuleBasedStateMachine):
    """One run: a world that begins anew, steps in any order, and in the end everything comes to rest."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.begin()

    @invariant()
    def nothing_forbidden_happened(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # a run that failed already says more than what follows from it
            self.world.come_to_rest()

    # --- people in Outlook and in the CRM ---------------------------------------------------------------------

    @initialize(first=edits, second=edits)
    def two_edits_are_mirrored(self, first: dict[str, int], second: dict[str, int]) -> None:
        self.edit_in_outlook(0, first, "Jonas Weber")
        self.edit_in_outlook(1, second, "Jonas Weber")
        self.world.portal.pull()

    @rule(contact=contacts, edit=edits, by=st.sampled_from(EDITORS))
    def edit_in_outlook(self, contact: int, edit: dict[str, int], by: str) -> None:
        self.world.sandbox.edit_in_outlook(self.world.contacts[contact], wire(edit), by=by)

    @rule(number=numbers, value=values, in_outlook=st.booleans())
    def edit_the_same_field_again(self, number: int, value: int, in_outlook: bool) -> None:
        crm = self.world.judge.crm
        field_id = pick(crm.open_fields() or list(crm.fields()), number)
        if field_id is None:
            return
        contact, column = crm.contact_of(field_id), str(crm.fields()[field_id]["osync_name"])
        changes = wire({column: value})
        if in_outlook:
            self.world.sandbox.edit_in_outlook(contact, changes, by="Jonas Weber")
        else:
            self.world.sandbox.edit_by_form(contact, changes)

    @rule(number=numbers, decision=st.sampled_from(["approved", "rejected"]))
    def decide_in_the_crm(self, number: int, decision: str) -> None:
        field_id = pick(self.world.judge.crm.open_fields(), number)
        if field_id is not None:
            self.world.sandbox.decide(field_id, decision)

    @rule(number=numbers, table=st.sampled_from([FIELD, RECORD, CONTACT]))
    def delete_in_the_crm(self, number: int, table: str) -> None:
        row_id = pick(list(self.world.judge.crm.rows[table]), number)
        if row_id is not None:
            self.world.sandbox.delete(table, row_id)

    # --- reviewers ----------------------------------------------------------------------------------------------

    @rule(number=numbers, outcome=outcomes, by=reviewers)
    def decide(self, number: int, outcome: Outcome, by: str) -> None:
        field = pick(self.world.decidable(), number)
        if field is not None:
            self.world.reviewers.submit(Form.of(field), outcome, by=by)

    @rule(number=numbers, value=values, by=reviewers)
    def approve_with_correction(self, number: int, value: int, by: str) -> None:
        field = pick(self.world.decidable(), number)
        if field is not None:
            corrected = SAMPLES[field.column_name][value].typed
            self.world.reviewers.submit(Form.of(field), Outcome.APPROVED, by=by, corrected=corrected)

    @rule(number=numbers, wanted=st.lists(outcomes, min_size=2, max_size=2), by=reviewers)
    def decide_a_whole_edit(self, number: int, wanted: list[Outcome], by: str) -> None:
        first = pick(self.world.decidable(), number)
        if first is not None:
            fields = self.world.fields(Q(record=first.record_id))
            forms = [(Form.of(field), outcome) for field, outcome in zip(fields, wanted, strict=False)]
            self.world.reviewers.submit_all(forms, by=by)

    @rule(number=numbers, by=reviewers)
    def approve_what_the_crm_refuses(self, number: int, by: str) -> None:
        field = pick(self.world.fields(Q(decision="pending", column_name=REFUSED_COLUMN)), number)
        if field is not None:
            self.world.reviewers.submit(Form.of(field), Outcome.APPROVED, by=by, corrected=REFUSED_VALUE)

    @rule(number=numbers, keep=st.booleans(), outcome=outcomes, by=reviewers)
    def a_form_stays_open_for_long(self, number: int, keep: bool, outcome: Outcome, by: str) -> None:
        field, form = pick(self.world.decidable(), number), pick(self.world.forms, number)
        if keep and field is not None:
            self.world.forms.append(Form.of(field))
        elif form is not None:
            self.world.reviewers.submit(form, outcome, by=by)

    @rule(number=numbers, by=reviewers)
    def undo(self, number: int, by: str) -> None:
        taken = pick(self.world.book.undoable(), number)
        if taken is not None:
            self.world.reviewers.undo(taken, by=by)

    @rule(number=numbers, by=reviewers)
    def put_back_or_approve_after_all(self, number: int, by: str) -> None:
        field = pick(self.world.fields(IN_THE_CRM), number)
        if field is not None and field.decision == "approved":
            self.world.reviewers.put_back(field, by=by)
        elif field is not None:
            self.world.reviewers.approve_after_all(field, by=by)

    @rule(number=numbers, by=reviewers)
    def retry(self, number: int, by: str) -> None:
        field = pick(self.world.fields(FAILED), number)
        if field is not None:
            self.world.reviewers.retry(field, by=by)

    @rule(number=numbers)
    def read_present_values(self, number: int) -> None:
        field = pick(self.world.decidable(), number)
        if field is not None:
            self.world.portal.read_present_values(field)

    @rule(stop=st.booleans())
    def operator_stops_or_starts_writing(self, stop: bool) -> None:
        if stop:
            gates.close(Gate.Name.OPERATOR_STOP, reason="inventory", probe_in=None)
        else:
            gates.reopen(Gate.Name.OPERATOR_STOP)

    # --- the portal's processes ---------------------------------------------------------------------------------

    @rule(number=numbers, outcome=outcomes, meanwhile=anything)
    def decide_and_deliver(self, number: int, outcome: Outcome, meanwhile: Meanwhile | None) -> None:
        self.decide(number, outcome, "Rob Marchetti")
        self.deliver("the undo window", meanwhile)

    @rule(jump=jumps, meanwhile=anything)
    def deliver(self, jump: str, meanwhile: Meanwhile | None) -> None:
        if meanwhile is not None:
            meanwhile.arm(self.world)
        clock.forward(clock.JUMPS[jump])
        self.world.portal.tick()

    @rule()
    def pull(self) -> None:
        self.world.portal.pull()

    @rule(point=cut_points)
    def power_cut_at(self, point: str) -> None:
        self.world.points.arm(point, self.world.points.cut_power)
        if point.startswith("mirror"):
            self.world.portal.pull()
        else:
            self.deliver("the undo window", None)

    @rule()
    def nightly(self) -> None:
        self.world.portal.read_everything_again()
        self.world.portal.pull()

    @rule(number=numbers)
    def ring_once_more(self, number: int) -> None:
        delivery_id = pick(self.world.portal.deliveries(), number)
        if delivery_id is not None:
            self.world.portal.deliver(delivery_id)

    # --- what goes wrong ----------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(FAULTS)), times=st.sampled_from([1, 2, 5, 40]))
    def crm_fails(self, name: str, times: int) -> None:
        self.world.sandbox.fail(name, times=times)

    @rule(refuse=st.booleans())
    def client_secret_ends_or_is_renewed(self, refuse: bool) -> None:
        self.world.sandbox.refuse_credentials(refuse=refuse)

    @rule()
    def crm_recovers(self) -> None:
        self.world.sandbox.recover()

    @rule(which=st.sampled_from(["delta links", "access token"]))
    def something_expires(self, which: str) -> None:
        if which == "delta links":
            self.world.sandbox.expire_delta_links()
        else:
            self.world.sandbox.expire_access_token()

    @rule(dies=st.booleans())
    def next_write_gets_stuck(self, dies: bool) -> None:
        self.world.line.hold_next_write(self.world.points.cut_power if dies else _lose_answer)

    @rule()
    def what_got_stuck_arrives(self) -> None:
        self.world.line.let_arrive()


def _lose_answer() -> None:
    raise Unreachable("The line went dead.", code="no_answer", may_have_applied=True)
