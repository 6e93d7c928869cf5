"""Edits whose staging the CRM refuses: only they fail, unless it refuses the operation itself."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.models import Breaker, CaptureEntry
from syncapp.models.capture.entry import EntryState
from tests.capture.conftest import Company, entries
from tests.capture.staging_scene import flags, stage
from tests.capture.test_staging_kills import finish, points
from tests.machine.failpoints import Failpoints

__all__ = ["points"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = {"method": "PATCH", "table": "osync_syncrecord", "times": 99}


def open_breakers() -> list[str]:
    return list(Breaker.objects.filter(opened_at__isnull=False).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("fault", "breakers"),
    [
        ({"status": 400}, []),
        ({"status": 405}, [Breaker.Name.REFUSED_CAPTURE]),
        ({"status": 403}, [Breaker.Name.FORBIDDEN_CAPTURE]),
    ],
)
def test_refused_operation_but_not_refused_edit_opens_breaker(
    restoring: Company, fault: dict[str, Any], breakers: list[str]
) -> None:
    contact, other = restoring.contact(), restoring.contact(1)
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults(REFUSED | fault)
    stage(restoring)
    restoring.heal()
    assert open_breakers() == breakers
    assert [entry.state for entry in entries(contact)] == [EntryState.READ if breakers else EntryState.SET_ASIDE]

    restoring.outlook(other, jobtitle="Pilot")
    restoring.forward()
    stage(restoring)

    assert flags(restoring, other) == [True]


def test_edit_of_just_deleted_contact_is_let_through(restoring: Company, points: Failpoints) -> None:
    contact = restoring.new_contact("Short-lived")
    stage(restoring)
    restoring.outlook(contact, jobtitle="Pilot")
    points.arm("capture.sent", lambda: restoring.delete(contact))

    stage(restoring)
    finish(restoring, points)

    assert open_breakers() == []
    staged = CaptureEntry.objects.filter(contact_id=contact, reason="contact_gone")
    assert staged.count() == 1
