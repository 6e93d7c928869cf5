"""The tasks around the operations: what the puller does at closed gates."""

from __future__ import annotations

import uuid

import pytest

from syncapp import connection, gates, tasks
from syncapp.mirror import changes, cursors
from syncapp.models import Connection, Gate, SyncField
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_forbidden_pull_waits_and_goes_on_once_the_right_is_there(world: World):
    world.outlook(world.contact(), jobtitle="Head")
    world.faults({"method": "GET", "table": "osync_syncfield", "status": 403})
    tasks.pull()
    assert [gate.name for gate in gates.closed()] == [Gate.Name.FORBIDDEN_READ]

    world.heal()
    tasks.pull()
    assert not SyncField.objects.exists(), "the gate is closed until its probe is due"
    world.forward()
    tasks.pull()

    assert SyncField.objects.exists()
    assert gates.closed() == []


def test_a_pull_that_found_another_one_at_work_opens_no_gate(world: World):
    world.pull()
    gates.close(Gate.Name.CRM_UNREACHABLE, reason="silent", probe_in=30)
    world.forward()
    cursors.take(changes.FIELDS)

    tasks.pull()

    assert [gate.name for gate in gates.closed()] == [Gate.Name.CRM_UNREACHABLE]


def test_the_right_address_ends_the_alarm_of_the_wrong_organization(world: World):
    connection.recognised_crm()
    ours = Connection.objects.get().organization_id
    Connection.objects.update(organization_id=uuid.uuid4())
    connection.recognised_crm.cache_clear()
    tasks.pull()
    assert [gate.name for gate in gates.closed()] == [Gate.Name.WRONG_ORGANIZATION]

    Connection.objects.update(organization_id=ours)
    tasks.pull()

    assert gates.closed() == []
