"""Two simultaneous approvals of one column, because a newer edit arrived after the first approval."""

from __future__ import annotations

import pytest

from syncapp.models import Decision
from syncapp.models.review.decision import DecisionState
from tests.support.world import World

pytestmark = pytest.mark.django_db


def states(world: World) -> list[str]:
    return list(Decision.objects.order_by("decided_at").values_list("state", flat=True))


def test_later_approval_of_same_column_conflicts(world: World):
    older = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(older,))
    newer = world.edited(jobtitle="Chief")["jobtitle"]
    world.decide(approve=(newer,))

    world.forward()
    world.deliver()

    assert world.written(world.contact(), "jobtitle") == ["Head"]
    assert states(world) == [DecisionState.WRITTEN, DecisionState.CONFLICT]


def test_later_approval_of_equal_value_is_already_written(world: World):
    older = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(older,))
    newer = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(newer,))

    world.forward()
    world.deliver()

    assert world.written(world.contact(), "jobtitle") == ["Head"]
    assert states(world) == [DecisionState.WRITTEN, DecisionState.ALREADY]
