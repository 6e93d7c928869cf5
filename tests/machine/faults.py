"""Faults and concurrent events: at a failpoint, in the CRM, in the transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypothesis import strategies as st

from syncapp.crm.errors import Unreachable
from syncapp.jobs import breakers
from syncapp.models import Breaker, Decision, SyncField
from syncapp.models.jobs.job import HELD_STATES
from syncapp.models.review.decision import DecisionState
from tests.machine.crm import HTTP_FAULTS, WRITE_FAULTS
from tests.machine.failpoints import DELIVERY_POINTS, MIRROR_POINTS, MORE_POINTS
from tests.machine.ledger import CONTACT, FIELD
from tests.machine.samples import SAMPLES, wire
from tests.machine.world import World, pick


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault or event; `at` names the failpoint or the HTTP fault, where there is a choice."""

    what: str
    at: str = ""
    number: int = 0

    def begin(self, world: World) -> None:
        """Start it now, or when its failpoint is passed next."""
        _KINDS[self.what](world, self.at, self.number)


# --- at a failpoint of a delivery -----------------------------------------------------------------------------------


def _current_field(world: World) -> SyncField | None:
    """Return the first field that the worker at the failpoint is delivering."""
    bound = Decision.objects.filter(state=DecisionState.BOUND, delivery__state__in=HELD_STATES)
    first = bound.select_related("field__record").order_by("decided_at").first()
    return first.field if first is not None else None


def _edit(world: World, field: SyncField, number: int, *, in_outlook: bool) -> None:
    contact, changes = str(field.record.target_id), wire({field.column_name: number})
    if in_outlook:
        world.sandbox.edit_in_outlook(contact, changes, by="Jonas Weber")
    else:
        world.sandbox.edit_by_form(contact, changes)


def _edit_another_column(world: World, field: SyncField, number: int) -> None:
    column = next(name for name in SAMPLES if name != field.column_name)
    world.sandbox.edit_by_form(str(field.record.target_id), wire({column: number}))


def _decide_in_the_crm(world: World, field: SyncField, _number: int, *, decision: str) -> None:
    """Decide the field in the CRM, whose form offers only open rows."""
    world.oracle.check_new_writes()
    if str(field.pk) in world.oracle.crm.open_fields():
        world.sandbox.decide(str(field.pk), decision)


def _undo(world: World, field: SyncField, _number: int) -> None:
    for taken in world.expected.undoable():
        if taken.field == str(field.pk):
            world.reviewers.undo(taken, by=taken.by)


def _another_worker(world: World, _field: SyncField, number: int, *, dies: bool) -> None:
    def then() -> None:
        if dies:
            world.points.arm(DELIVERY_POINTS[number + 1], world.points.cut_power)

    world.portal.overtake(then=then)


def _puller(world: World, _field: SyncField, _number: int) -> None:
    world.portal.pull()


_MEANWHILE: dict[str, Callable[[World, SyncField, int], None]] = {
    "a form changes the field": partial(_edit, in_outlook=False),
    "a form changes another field": _edit_another_column,
    "a newer edit arrives": partial(_edit, in_outlook=True),
    "somebody approves in the CRM": partial(_decide_in_the_crm, decision="approved"),
    "somebody rejects in the CRM": partial(_decide_in_the_crm, decision="rejected"),
    "the staging row is deleted": lambda world, field, number: world.sandbox.delete(FIELD, str(field.pk)),
    "the contact is deleted": lambda world, field, number: world.sandbox.delete(CONTACT, str(field.record.target_id)),
    "the reviewer undoes": _undo,
    "the puller runs": _puller,
    "another worker takes over": partial(_another_worker, dies=False),
    "another worker takes over and dies": partial(_another_worker, dies=True),
}


def _interfere(world: World, what: str, number: int) -> None:
    field = _current_field(world)
    if field is not None:
        _MEANWHILE[what](world, field, number)


# --- everywhere -----------------------------------------------------------------------------------------------------


def _cut_power(world: World, point: str, _number: int) -> None:
    world.points.arm(point, world.points.cut_power)


def _fail(world: World, name: str, number: int) -> None:
    world.sandbox.fail(name, times=(1, 2, 40)[number])


def _stop_writing(_world: World, _at: str, _number: int) -> None:
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="inventory", probe_in=None)


def _stick(world: World, _at: str, number: int) -> None:
    world.line.stick_next_write(world.points.cut_power if number else _lose_answer)


def _lose_answer() -> None:
    raise Unreachable("The line went dead.", code="no_answer", may_have_applied=True)


def _dispatch_again(world: World, _at: str, number: int) -> None:
    delivery_id = pick(world.portal.deliveries(), number)
    if delivery_id is not None:
        world.portal.deliver(delivery_id)


_KINDS: dict[str, Callable[[World, str, int], None]] = {
    "nothing": lambda world, at, number: None,
    "the power is cut": _cut_power,
    "the CRM fails": _fail,
    "the next write gets stuck": _stick,
    "what got stuck arrives": lambda world, at, number: world.line.deliver_stuck_write(),
    "a delivery is dispatched again": _dispatch_again,
    "the client secret ends": lambda world, at, number: world.sandbox.refuse_credentials(),
    "the access token ends": lambda world, at, number: world.sandbox.expire_access_token(),
    "the delta links end": lambda world, at, number: world.sandbox.expire_delta_links(),
    "the operator stops writing": _stop_writing,
    "everything works again": lambda world, at, number: world.recover_fully(),
} | {
    what: lambda world, at, number, what=what: world.points.arm(at, partial(_interfere, world, what, number))
    for what in _MEANWHILE
}

_numbers = st.integers(0, 2)
_nothing = st.just(Fault("nothing"))
_delivery_points = st.sampled_from(DELIVERY_POINTS)
_power_cuts = st.builds(Fault, st.just("the power is cut"), st.sampled_from(DELIVERY_POINTS + MORE_POINTS))
_write_faults = st.builds(Fault, st.just("the CRM fails"), st.sampled_from(WRITE_FAULTS), _numbers)
_stuck = st.builds(Fault, st.just("the next write gets stuck"), st.just(""), _numbers)

by_others = st.builds(Fault, st.sampled_from(sorted(_MEANWHILE)), _delivery_points, _numbers)
by_failures = st.one_of(
    _nothing,
    st.builds(Fault, st.just("the power is cut"), _delivery_points),
    _write_faults,
    _stuck,
)
while_pulling = st.one_of(_nothing, st.builds(Fault, st.just("the power is cut"), st.sampled_from(MIRROR_POINTS)))
lasting = st.one_of(
    st.builds(Fault, st.just("the CRM fails"), st.sampled_from(sorted(HTTP_FAULTS)), _numbers),
    st.builds(
        Fault, st.sampled_from(["what got stuck arrives", "a delivery is dispatched again"]), st.just(""), _numbers
    ),
    st.builds(
        Fault,
        st.sampled_from(
            [
                "the client secret ends",
                "the access token ends",
                "the delta links end",
                "the operator stops writing",
                "everything works again",
            ]
        ),
    ),
    _power_cuts,
)
