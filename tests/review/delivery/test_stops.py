"""Causes that stop deliveries as a whole: pause, credentials, read-only connection, another organization."""

from __future__ import annotations

import uuid

import pytest

from syncapp.connection import clients
from syncapp.jobs import breakers
from syncapp.models import Breaker, Connection, Delivery
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review.delivery import job
from tests.review.delivery.test_job import APPROVED, axes
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_bad_credentials_stop_deliveries_without_using_attempts(world: World):
    fields = [world.edited(number, jobtitle="Head")["jobtitle"] for number in range(2)]
    world.decide(approve=tuple(fields))
    world.faults(credentials_refused=True)
    world.expire(access_tokens=True)

    world.deliver()

    assert Breaker.objects.get(name=Breaker.Name.CRM_CREDENTIALS).opened_at is not None
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    world.heal()
    world.forward()
    world.deliver()
    world.deliver()
    assert [axes(field) for field in fields] == [APPROVED, APPROVED]
    assert breakers.all_open() == []


def test_paused_portal_delivers_nothing_until_resumed(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Migration", probe_in=None, by=rita())

    world.forward()
    assert world.deliver() == 0
    breakers.reset(Breaker.Name.OPERATOR_STOP, by=rita())
    assert world.deliver() == 1


def test_read_only_connection_delivers_nothing(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    Connection.objects.update(review_writes=False)

    assert world.deliver() == 0
    assert Delivery.objects.get().attempts == 0


def test_wrong_organization_stops_deliveries_without_using_attempts(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    ours = Connection.objects.get().organization_id
    Connection.objects.update(organization_id=uuid.uuid4())
    clients.crm.cache_clear()

    job.deliver(Delivery.objects.get().pk, crm=clients.crm())

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.WRONG_ORGANIZATION]
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.WAITING)
    assert (Delivery.objects.get().attempts, world.ledger("contact")) == (0, [])
    Connection.objects.update(organization_id=ours)
    breakers.reset(Breaker.Name.WRONG_ORGANIZATION)
    world.forward()
    world.deliver()
    assert axes(field) == APPROVED
