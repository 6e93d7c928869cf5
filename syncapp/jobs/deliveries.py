"""One open delivery for a contact with decisions under way: made here, kept here, found by the sweep."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, Min, OuterRef, When
from django.db.models.functions import Least

from syncapp.models import Decision, Delivery
from syncapp.models.jobs.job import OPEN_STATES, WAITING_STATES
from syncapp.models.locking import lock
from syncapp.models.review.decision import DecisionState

log = logging.getLogger(__name__)

Contact = tuple[str, uuid.UUID]  # the table and the row of it


def ensure_delivery(decision: Decision) -> None:
    """Make sure an open delivery will take this decision; call it in the decision's transaction."""
    decision.refresh_from_db(fields=["due_at"])
    ensure_deliveries([decision])


def ensure_deliveries(decisions: Sequence[Decision]) -> None:
    """The same for all decisions of one submit, whose due times are known.

    A contact without an open delivery gets one. Updating the open row takes its lock: a worker that closes the delivery
    either sees our decision when it has the lock, or has closed it before, and then we make a new one.
    """
    due: dict[Contact, datetime] = {}
    for each in decisions:
        contact = (each.target_table, each.target_id)
        due[contact] = min(each.due_at, due.get(contact, each.due_at))
    _make_missing(due)
    _lock_open(due)
    for contact, due_at in sorted(due.items()):
        if not bring_forward(contact, due_at):
            recreate(contact, due_at)


def _make_missing(due: Mapping[Contact, datetime]) -> None:
    """One statement for all: where a contact has an open delivery, the constraint keeps a second one out."""
    ordered = sorted(due.items())
    missing = [Delivery(target_table=table, target_id=key, due_at=at) for (table, key), at in ordered]
    Delivery.objects.bulk_create(missing, ignore_conflicts=True)


def _lock_open(contacts: Collection[Contact]) -> None:
    if len(contacts) > 1:  # a single one is locked by its update
        ids = {target_id for _, target_id in contacts}
        lock(Delivery.objects.filter(target_id__in=ids, state__in=OPEN_STATES))


def bring_forward(contact: Contact, due_at: datetime) -> bool:
    """Whether an open delivery exists; one that waits becomes due with the earliest of its decisions."""
    table, target_id = contact
    rows = Delivery.objects.filter(target_table=table, target_id=target_id, state__in=OPEN_STATES)
    untried = When(state__in=WAITING_STATES, attempts=0, then=Least("due_at", due_at))
    return bool(rows.update(due_at=Case(untried, default=F("due_at"))))


def recreate(contact: Contact, due_at: datetime) -> None:
    """The delivery that kept ours out was closed before we had its lock. Ours stays open until we commit."""
    _make_missing({contact: due_at})
    if not bring_forward(contact, due_at):
        raise IntegrityError(f"no open delivery could be made for {contact[0]}")


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
        try:
            with transaction.atomic():
                ensure_delivery(orphan)
        except IntegrityError:
            log.exception("decision %s: no delivery could be made, tried again by the next tick", orphan.pk)
    return len(orphans)
