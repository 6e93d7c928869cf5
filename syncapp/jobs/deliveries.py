"""Delivery rows: one open delivery for each contact with decisions to write."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, Min, OuterRef, When
from django.db.models.functions import Least

from syncapp.models import Decision, Delivery
from syncapp.models.jobs.job import OPEN_STATES, WAITING_STATES
from syncapp.models.locking import lock
from syncapp.models.review.decision import DecisionState

log = logging.getLogger(__name__)

ContactKey = tuple[str, uuid.UUID]  # the table and the id of the row
MAX_ORPHANS = 200


def ensure_deliveries(decisions: Sequence[Decision]) -> None:
    """Ensure that an open delivery takes each of these decisions; call it in the transaction that stores them.

    A contact without an open delivery gets one. Updating the open row takes its lock: a worker that closes the delivery
    either sees our decision once it has the lock, or has already closed it, and then we create a new one.
    """
    due: dict[ContactKey, datetime] = {}
    for decision in decisions:
        contact = (decision.target_table, decision.target_id)
        due[contact] = min(decision.due_at, due.get(contact, decision.due_at))
    ordered = sorted(due.items())
    create_missing(ordered)
    if len(due) > 1:  # a single one is locked by its update
        ids = {target_id for _, target_id in due}
        lock(Delivery.objects.filter(target_id__in=ids, state__in=OPEN_STATES))
    for contact, due_at in ordered:
        if not bring_forward(contact, due_at):
            # The delivery that conflicted with ours was closed before we got its lock. Ours stays open until we commit.
            create_missing([(contact, due_at)])
            if not bring_forward(contact, due_at):
                raise IntegrityError(f"no open delivery could be made for {contact[0]}")


def create_missing(due: Collection[tuple[ContactKey, datetime]]) -> None:
    """Create deliveries in one statement; contacts that have an open one are skipped (unique constraint)."""
    missing = [Delivery(target_table=table, target_id=key, due_at=due_at) for (table, key), due_at in due]
    Delivery.objects.bulk_create(missing, ignore_conflicts=True)


def bring_forward(contact: ContactKey, due_at: datetime) -> bool:
    """Make the contact's open delivery due by `due_at`, unless it was already tried; return False if there is none."""
    table, target_id = contact
    rows = Delivery.objects.filter(target_table=table, target_id=target_id, state__in=OPEN_STATES)
    untried = When(state__in=WAITING_STATES, attempts=0, then=Least("due_at", due_at))
    return bool(rows.update(due_at=Case(untried, default=F("due_at"))))


def next_due(delivery: Delivery) -> datetime | None:
    """Return when the contact's earliest decision that is not in a delivery yet becomes due; None if there is none."""
    waiting = Decision.objects.of_contact(delivery.target_table, delivery.target_id)
    earliest: datetime | None = waiting.filter(state=DecisionState.OPEN).aggregate(due=Min("due_at"))["due"]
    return earliest


def adopt_orphans() -> int:
    """Create deliveries for up to MAX_ORPHANS open decisions without one, as a safety net; return how many there were.

    Safe to repeat.
    """
    open_deliveries = Delivery.objects.filter(
        target_table=OuterRef("target_table"), target_id=OuterRef("target_id"), state__in=OPEN_STATES
    )
    orphans = Decision.objects.filter(~Exists(open_deliveries), state=DecisionState.OPEN).order_by("due_at")
    found = list(orphans[:MAX_ORPHANS])
    for orphan in found:
        try:
            with transaction.atomic():
                ensure_deliveries([orphan])
        except IntegrityError:
            log.exception("decision %s: no delivery could be made, tried again by the next tick", orphan.pk)
    return len(found)
