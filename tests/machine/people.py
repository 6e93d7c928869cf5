"""Steps of people in the CRM and at the portal, each on an existing row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db.models import Q

from syncapp.models import SyncField
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import Outcome
from tests.machine.ledger import CONTACT, FIELD, RECORD
from tests.machine.reviewers import Form
from tests.machine.samples import REFUSED_COLUMN, REFUSED_VALUE, SAMPLES, wire
from tests.machine.world import World, pick

WRITTEN = Q(delivery__in=[FieldDelivery.DONE, FieldDelivery.ALREADY])
FAILED = Q(delivery=FieldDelivery.FAILED)


# --- in the CRM ---------------------------------------------------------------------------------------------------


def _same_field(world: World, number: int, value: int, *, in_outlook: bool) -> None:
    """Change a field that has a waiting edit once more."""
    crm = world.oracle.crm
    field_id = pick(crm.open_fields() or list(crm.fields()), number)
    if field_id is None:
        return
    contact, changes = crm.contact_of(field_id), wire({str(crm.fields()[field_id]["osync_name"]): value})
    if in_outlook:
        world.sandbox.edit_in_outlook(contact, changes, by="Jonas Weber")
    else:
        world.sandbox.edit_by_form(contact, changes)


def _decide(world: World, number: int, _value: int, *, decision: str) -> None:
    field_id = pick(world.oracle.crm.open_fields(), number)
    if field_id is not None:
        world.sandbox.decide(field_id, decision)


def _delete(world: World, number: int, _value: int, *, table: str) -> None:
    row_id = pick(list(world.oracle.crm.rows[table]), number)
    if row_id is not None:
        world.sandbox.delete(table, row_id)


_IN_THE_CRM: dict[str, Callable[[World, int, int], None]] = {
    "edits the same field in Outlook": partial(_same_field, in_outlook=True),
    "edits the same field by a form": partial(_same_field, in_outlook=False),
    "approves": partial(_decide, decision="approved"),
    "rejects": partial(_decide, decision="rejected"),
    "deletes a staged field": partial(_delete, table=FIELD),
    "deletes a staged edit": partial(_delete, table=RECORD),
    "deletes a contact": partial(_delete, table=CONTACT),
}
IN_THE_CRM = tuple(_IN_THE_CRM)


def in_the_crm(world: World, what: str, number: int, value: int) -> None:
    """Do `what` to the `number`th suitable row in the CRM."""
    _IN_THE_CRM[what](world, number, value)


# --- at the portal ------------------------------------------------------------------------------------------------


def _submit(world: World, number: int, _value: int, by: str, *, outcome: Outcome) -> None:
    field = pick(world.decidable(), number)
    if field is not None:
        world.reviewers.submit(Form.of(field), outcome, by=by)


def _correct(world: World, number: int, value: int, by: str) -> None:
    field = pick(world.decidable(), number)
    if field is not None:
        corrected = SAMPLES[field.column_name][value].typed
        world.reviewers.submit(Form.of(field), Outcome.APPROVED, by=by, corrected=corrected)


def _correct_badly(world: World, number: int, _value: int, by: str) -> None:
    """Correct to a value that the CRM refuses, and decide another field, which must not be affected."""
    field = pick(world.fields(Q(decision="pending", column_name=REFUSED_COLUMN)), number)
    if field is not None:
        world.reviewers.submit(Form.of(field), Outcome.APPROVED, by=by, corrected=REFUSED_VALUE)
        _submit(world, number, 0, by, outcome=Outcome.APPROVED)


def _whole_edit(world: World, number: int, value: int, by: str) -> None:
    first = pick(world.decidable(), number)
    if first is not None:
        fields = world.fields(Q(record=first.record_id))
        rejected = {value} if value else set()
        outcomes = [Outcome.REJECTED if at in rejected else Outcome.APPROVED for at in range(len(fields))]
        world.reviewers.submit_all([(Form.of(field), out) for field, out in zip(fields, outcomes, strict=True)], by=by)


def _keep_form(world: World, number: int, _value: int, _by: str) -> None:
    field = pick(world.decidable(), number)
    if field is not None:
        world.forms.append(Form.of(field))


def _submit_old_form(world: World, number: int, value: int, by: str) -> None:
    form = pick(world.forms, number)
    if form is not None:
        world.reviewers.submit(form, Outcome.APPROVED if value else Outcome.REJECTED, by=by)


def _undo(world: World, number: int, _value: int, by: str) -> None:
    decision = pick(world.expected.undoable(), number)
    if decision is not None:
        world.reviewers.undo(decision, by=by)


def _undo_own(world: World, number: int, _value: int, _by: str) -> None:
    decision = pick(world.expected.undoable(), number)
    if decision is not None:
        world.reviewers.undo(decision, by=decision.by)


def _follow_up_step(world: World, number: int, _value: int, by: str) -> None:
    field = pick(world.fields(WRITTEN), number)
    if field is not None and field.decision == "approved":
        world.reviewers.put_back(field, by=by)
    elif field is not None:
        world.reviewers.approve_after_all(field, by=by)


def _retry(world: World, number: int, _value: int, by: str) -> None:
    field = pick(world.fields(FAILED), number)
    if field is not None:
        world.reviewers.retry(field, by=by)


def _read_live_values(world: World, number: int, _value: int, _by: str) -> None:
    field: SyncField | None = pick(world.decidable(), number)
    if field is not None:
        world.portal.read_live_values(field)


_DECISIONS: dict[str, Callable[[World, int, int, str], None]] = {
    "approves": partial(_submit, outcome=Outcome.APPROVED),
    "rejects": partial(_submit, outcome=Outcome.REJECTED),
    "corrects": _correct,
    "corrects badly": _correct_badly,
    "decides a whole edit": _whole_edit,
    "puts back or approves after all": _follow_up_step,
    "retries": _retry,
}
_AT_THE_PORTAL = _DECISIONS | {
    "leaves a form open": _keep_form,
    "submits an old form": _submit_old_form,
    "undoes": _undo_own,
    "undoes what anybody decided": _undo,
    "looks at the CRM's values": _read_live_values,
}
DECISIONS = tuple(_DECISIONS)
AT_THE_PORTAL = tuple(_AT_THE_PORTAL)


def at_the_portal(world: World, what: str, number: int, value: int, *, by: str) -> None:
    """Do `what` to the `number`th suitable field as a reviewer."""
    _AT_THE_PORTAL[what](world, number, value, by)
