"""What can happen while a worker is in the middle of a delivery: at each of its failpoints, anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypothesis import strategies as st

from syncapp.models import Decision, SyncField
from syncapp.models.decision import DecisionState
from syncapp.models.durable_work import HELD_STATES
from tests.machine.failpoints import DELIVERY_POINTS, MORE_POINTS
from tests.machine.ledger import CONTACT, FIELD
from tests.machine.samples import SAMPLES
from tests.machine.world import World


def _in_hand(world: World) -> SyncField | None:
    """The field that the worker at the failpoint is delivering first."""
    bound = Decision.objects.filter(state=DecisionState.BOUND, delivery__state__in=HELD_STATES)
    first = bound.select_related("field__record").order_by("decided_at").first()
    return first.field if first is not None else None


def _edit(world: World, field: SyncField, number: int, *, in_outlook: bool) -> None:
    contact = str(field.record.target_id)
    changes = {field.column_name: SAMPLES[field.column_name][number].wire}
    if in_outlook:
        world.sandbox.edit_in_outlook(contact, changes, by="Jonas Weber")
    else:
        world.sandbox.edit_by_form(contact, changes)


def _edit_another_column(world: World, field: SyncField, number: int) -> None:
    column = next(name for name in SAMPLES if name != field.column_name)
    world.sandbox.edit_by_form(str(field.record.target_id), {column: SAMPLES[column][number].wire})


def _decide_in_the_crm(world: World, field: SyncField, _number: int, *, decision: str) -> None:
    """The CRM's own form offers only rows that are open."""
    world.judge.read_on()
    if str(field.pk) in world.judge.crm.open_fields():
        world.sandbox.decide(str(field.pk), decision)


def _undo(world: World, field: SyncField, _number: int) -> None:
    for taken in world.book.undoable():
        if taken.field == str(field.pk):
            world.reviewers.undo(taken, by="Ada Brennan")


def _another_worker(world: World, _field: SyncField, number: int, *, dies: bool) -> None:
    def then() -> None:
        if dies:
            world.points.arm(DELIVERY_POINTS[number + 1], world.points.cut_power)

    world.portal.overtaken(then=then)


EVENTS: dict[str, Callable[[World, SyncField, int], None]] = {
    "the power is cut": lambda world, field, number: world.points.cut_power(),
    "the power is cut here": lambda world, field, number: world.points.cut_power(),
    "a form changes the field": partial(_edit, in_outlook=False),
    "a form changes another field": _edit_another_column,
    "a newer edit arrives": partial(_edit, in_outlook=True),
    "somebody approves in the CRM": partial(_decide_in_the_crm, decision="approved"),
    "somebody rejects in the CRM": partial(_decide_in_the_crm, decision="rejected"),
    "the staging row is deleted": lambda world, field, number: world.sandbox.delete(FIELD, str(field.pk)),
    "the contact is deleted": lambda world, field, number: world.sandbox.delete(CONTACT, str(field.record.target_id)),
    "the reviewer undoes": _undo,
    "the puller runs": lambda world, field, number: world.portal.pull(),
    "another worker takes over": partial(_another_worker, dies=False),
    "another worker takes over and dies": partial(_another_worker, dies=True),
}


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """At `point` of the next delivery, `event` happens."""

    point: str
    event: str
    number: int

    def arm(self, world: World) -> None:
        """Let it happen when the point is passed next."""
        world.points.arm(self.point, partial(self._happen, world))

    def _happen(self, world: World) -> None:
        field = _in_hand(world)
        if field is not None:
            EVENTS[self.event](world, field, self.number)


anything = st.none() | st.builds(
    Meanwhile, st.sampled_from(DELIVERY_POINTS), st.sampled_from(sorted(EVENTS)), st.integers(0, 2)
)
cut_points = st.sampled_from(MORE_POINTS)
