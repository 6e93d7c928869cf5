"""The state of an edit in one badge of the queue's list."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncapp.models import Decision, Person, SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.web.base import times
from syncapp.web.base.holds import HoldReason
from syncapp.web.review.outcomes import NOT_THE_LAST, may_undo

UNDER_WAY = (FieldDelivery.WAITING, FieldDelivery.SENT)


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a few words, with its picture.

    `phase` names a state that passes by itself, `left` is how many seconds it has.
    """

    icon: str
    tone: str
    word: str
    phase: str = ""
    left: int | None = None


def last_decisions(fields: Iterable[SyncField]) -> dict[uuid.UUID, Decision]:
    """Return the decision of each field that is on its way to the CRM, in one query, or none where there is no such."""
    ids = [field.pk for field in fields if _is_under_way(field)]
    if not ids:
        return {}
    found = Decision.objects.filter(field__in=ids).exclude(state__in=NOT_THE_LAST).order_by("version")
    return {each.field_id: each for each in found}


def badge(
    fields: Sequence[SyncField],
    decisions: Mapping[uuid.UUID, Decision],
    *,
    person: Person | None,
    held: HoldReason,
    is_unreadable: bool,
) -> Badge | None:
    """Return the gravest state of an edit's fields; None while those that are left simply wait."""
    undecided = [field for field in fields if field.decision == FieldDecision.PENDING]
    if any(is_unreadable or field.unreadable for field in undecided):
        return Badge("alert", "bad", "Cannot be read")
    deliveries = {field.delivery for field in fields}
    for delivery, found in _GRAVE.items():
        if delivery in deliveries:
            return found
    last = [(field, decisions[field.pk]) for field in fields if field.pk in decisions]
    if last:
        return _on_its_way(last, person, held)
    if not fields or undecided:
        return None
    return _FINAL.get(frozenset(FieldDecision(field.decision) for field in fields), Badge("check", "", "Decided"))


def _is_under_way(field: SyncField) -> bool:
    return field.delivery in UNDER_WAY and field.decision != FieldDecision.SUPERSEDED


def _on_its_way(last: Sequence[tuple[SyncField, Decision]], person: Person | None, held: HoldReason) -> Badge:
    waiting = [each for field, each in last if field.delivery == FieldDelivery.WAITING]
    in_window = [each for each in waiting if each.state == DecisionState.OPEN and times.seconds_left(each.due_at)]
    if in_window:
        return _in_window(in_window, person)
    if len(waiting) == len(last) and held():
        return Badge("pause", "warn", f"Held: {held()}", phase="held")
    writes = any(each.writes for _, each in last)
    return Badge("clock", "accent", "Being written" if writes else "Being rejected", phase="writing")


def _in_window(decisions: Sequence[Decision], person: Person | None) -> Badge:
    left = max(times.seconds_left(each.due_at) for each in decisions)
    if person is not None and any(may_undo(each, person) for each in decisions):
        return Badge("undo", "accent", f"Undo {left} s", phase="undo", left=left)
    word = "Written" if any(each.writes for each in decisions) else "Final"
    return Badge("clock", "accent", f"{word} in {left} s", phase="undo", left=left)


_GRAVE = {
    FieldDelivery.CONFLICT: Badge("split", "warn", "Conflict"),
    FieldDelivery.FAILED: Badge("stop-sign", "bad", "Not written"),
}
_FINAL = {
    frozenset({FieldDecision.APPROVED}): Badge("check", "good", "Written"),
    frozenset({FieldDecision.REJECTED}): Badge("cross", "", "Rejected"),
    frozenset({FieldDecision.SUPERSEDED}): Badge("newer", "", "Superseded"),
    frozenset({FieldDecision.WITHDRAWN}): Badge("gone", "", "Withdrawn"),
}
