"""One open delivery for a contact with decisions under way: made here, kept here, found by the sweep."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Min, OuterRef
from django.db.models.functions import Least

from syncapp.models import Decision, Delivery
from syncapp.models.decision import DecisionState
from syncapp.models.durable_work import OPEN_STATES, WAITING_STATES


def expect(decision: Decision) -> None:
    """Make sure an open delivery will take this decision; call it in the decision's transaction."""
    decision.refresh_from_db(fields=["due_at"])
    expect_all([decision])


def expect_all(decisions: Sequence[Decision]) -> None:
    """The same for all decisions of one submit, whose due times are known.

    Updating the open row takes its lock: a worker that closes the delivery either sees our decision when it has the
    lock, or has closed it before, and then we make a new one.
    """
    due: dict[tuple[str, uuid.UUID], datetime] = {}
    for each in decisions:
        contact = (each.target_table, each.target_id)
        due[contact] = min(each.due_at, due.get(contact, each.due_at))
    for (table, target_id), due_at in sorted(due.items()):
        if not _hurry(table, target_id, due_at):
            _create(table, target_id, due_at)


def _open(table: str, target_id: uuid.UUID) -> Any:
    return Delivery.objects.filter(target_table=table, target_id=target_id, state__in=OPEN_STATES)


def _hurry(table: str, target_id: uuid.UUID, due_at: Any) -> bool:
    """Whether an open delivery exists; one that waits becomes due with the earliest of its decisions."""
    rows = _open(table, target_id)
    if not rows.update(created_at=F("created_at")):
        return False
    rows.filter(state__in=WAITING_STATES, attempts=0).update(due_at=Least("due_at", due_at))
    return True


def _create(table: str, target_id: uuid.UUID, due_at: Any) -> None:
    try:
        with transaction.atomic():
            Delivery.objects.create(target_table=table, target_id=target_id, due_at=due_at)
    except IntegrityError:
        # Another decision of the same contact made it at the same moment; it cannot close before we commit.
        _hurry(table, target_id, due_at)


def next_due(delivery: Delivery) -> Any:
    """When the contact's earliest decision that is in no delivery becomes due; None where there is none."""
    waiting = Decision.objects.of_contact(delivery.target_table, delivery.target_id)
    return waiting.filter(state=DecisionState.OPEN).aggregate(due=Min("due_at"))["due"]


def adopt_orphans() -> int:
    """Give decisions without an open delivery one: the net under every other rule. Safe to run twice."""
    open_ones = Delivery.objects.filter(
        target_table=OuterRef("target_table"), target_id=OuterRef("target_id"), state__in=OPEN_STATES
    )
    orphans = Decision.objects.filter(~Exists(open_ones), state=DecisionState.OPEN).order_by("due_at")[:200]
    for orphan in orphans:
        with transaction.atomic():
            expect(orphan)
    return len(orphans)
