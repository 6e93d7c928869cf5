"""Fields whose write the CRM refused, and later changes of their staging rows."""

from __future__ import annotations

import pytest

from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refused(world: World) -> SyncField:
    """Return a field whose approval the CRM refused."""
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({"method": "PATCH", "table": "contact", "status": 400})
    world.decide(approve=(field,))
    world.forward()
    world.deliver()
    world.heal()
    field.refresh_from_db()
    assert field.delivery == FieldDelivery.FAILED
    return field


def test_failed_field_decided_in_crm_is_withdrawn(world: World, refused: SyncField):
    world.decide_in_the_crm(refused)

    world.pull()

    refused.refresh_from_db()
    assert (refused.decision, refused.delivery) == (FieldDecision.WITHDRAWN, FieldDelivery.NONE)
    assert Decision.objects.get().state == DecisionState.WITHDRAWN
    assert not SyncRecord.objects.needing_attention().exists()


def test_full_read_withdraws_missing_failed_field(world: World, refused: SyncField):
    SyncField.objects.update(generation=0)
    world.reset()
    cursors.request_full_read(pull.FIELDS)

    world.pull()

    refused.refresh_from_db()
    assert refused.decision == FieldDecision.WITHDRAWN


def test_unchanged_failed_field_is_kept(world: World, refused: SyncField):
    cursors.request_full_read(pull.FIELDS)

    world.pull()

    refused.refresh_from_db()
    assert refused.delivery == FieldDelivery.FAILED
