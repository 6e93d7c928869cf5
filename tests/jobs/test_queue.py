"""Claims, fencing tokens, leases, dispatch and sweep of jobs."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from syncapp.jobs import queue
from syncapp.jobs.queue import LostLease
from syncapp.models import Delivery
from syncapp.models.jobs.job import JobState, database_now

pytestmark = pytest.mark.django_db


def make_delivery(*, due_in: float = 0, **columns: object) -> Delivery:
    contact = columns.pop("target_id", None) or uuid.uuid4()
    due_at = database_now(plus=due_in)
    return Delivery.objects.create(target_table="contact", target_id=contact, due_at=due_at, **columns)


def let_lease_end(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(lease_until=F("lease_until") - timedelta(hours=1))


def state_of(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.state


def test_due_job_is_claimed_once():
    delivery = make_delivery()

    first = queue.claim(Delivery, delivery.pk)

    assert first is not None
    assert queue.claim(Delivery, delivery.pk) is None


def test_job_is_not_claimed_before_due_time():
    delivery = make_delivery(due_in=5)

    assert queue.claim(Delivery, delivery.pk) is None


def test_claim_increments_fencing_token_and_attempts():
    delivery = make_delivery()
    first = queue.claim(Delivery, delivery.pk)
    queue.reschedule(first, due_in=0)

    second = queue.claim(Delivery, delivery.pk)

    assert (first.fencing_token, second.fencing_token, second.attempts) == (1, 2, 2)


def test_lost_lease_changes_nothing():
    delivery = make_delivery()
    slow = queue.claim(Delivery, delivery.pk)
    let_lease_end(delivery)
    queue.sweep(Delivery)
    quick = queue.claim(Delivery, delivery.pk)

    for step in (queue.mark_sent, queue.finish, queue.extend_lease):
        with pytest.raises(LostLease):
            step(slow)

    queue.finish(quick)
    assert state_of(delivery) == JobState.DONE


def test_swept_lease_changes_nothing():
    delivery = make_delivery()
    slow = queue.claim(Delivery, delivery.pk)
    let_lease_end(delivery)
    queue.sweep(Delivery)

    for step in (queue.mark_sent, queue.finish, queue.extend_lease, queue.lock):
        with pytest.raises(LostLease):
            step(slow)

    assert state_of(delivery) == JobState.READY


def test_unsent_job_becomes_ready_after_lease_expires():
    delivery = make_delivery()
    queue.claim(Delivery, delivery.pk)
    let_lease_end(delivery)

    queue.sweep(Delivery)

    assert state_of(delivery) == JobState.READY


def test_sent_job_is_verified_after_lease_expires():
    delivery = make_delivery()
    queue.mark_sent(queue.claim(Delivery, delivery.pk))
    let_lease_end(delivery)

    queue.sweep(Delivery)

    assert state_of(delivery) == JobState.VERIFY


def test_verification_is_repeated_after_lease_expires():
    delivery = make_delivery(state=JobState.VERIFY, outcome_unknown=True)
    claim = queue.claim(Delivery, delivery.pk)
    let_lease_end(delivery)

    queue.sweep(Delivery)

    assert claim.outcome_unknown
    assert state_of(delivery) == JobState.VERIFY


def test_running_lease_is_not_swept():
    running, over = make_delivery(), make_delivery()
    for each in (running, over):
        queue.claim(Delivery, each.pk)
    let_lease_end(over)

    assert queue.sweep(Delivery) == 1
    assert (state_of(running), state_of(over)) == (JobState.LEASED, JobState.READY)


def test_reschedule_can_leave_attempts_unchanged():
    delivery = make_delivery()

    queue.reschedule(queue.claim(Delivery, delivery.pk), due_in=0, costs_attempt=False)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (JobState.READY, 0)


def test_job_is_dispatched_once_per_interval():
    delivery = make_delivery()

    assert list(queue.claim_for_dispatch(Delivery)) == [delivery.pk]
    assert list(queue.claim_for_dispatch(Delivery)) == []


def test_undone_dispatch_is_repeated_at_once():
    delivery = make_delivery()

    queue.undo_dispatch(Delivery, queue.claim_for_dispatch(Delivery))

    assert list(queue.claim_for_dispatch(Delivery)) == [delivery.pk]


def test_contact_has_at_most_one_open_delivery():
    open_one = make_delivery()

    with pytest.raises(IntegrityError), transaction.atomic():
        make_delivery(target_id=open_one.target_id)

    queue.finish(queue.claim(Delivery, open_one.pk))
    make_delivery(target_id=open_one.target_id)


def test_leased_job_without_lease_end_is_refused():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_delivery(state=JobState.LEASED)
