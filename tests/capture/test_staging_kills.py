"""Power cuts and lost answers at every step of staging: by the ledger nothing is lost and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models import F

from syncapp.models import CaptureJob, Restore
from syncapp.models.jobs.job import JobState
from tests.capture.conftest import Company
from tests.capture.staging_scene import flags, stage, staged, work
from tests.machine.failpoints import Failpoints

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = ("capture.claimed", "capture.read", "capture.sent", "capture.answered", "capture.stored", "capture.finished")
REFUSED_POINTS = (*POINTS, "capture.staged")
CUT = {"method": "PATCH", "table": "contact", "times": 1}


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Failpoints:
    found = Failpoints()
    found.connect(monkeypatch)
    return found


def expire_leases() -> None:
    """Let the lease of a process that died end."""
    CaptureJob.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - timedelta(hours=1))


def finish(company: Company, points: Failpoints) -> None:
    """Let other processes take over until no job is open."""
    points.clear()
    for _ in range(3):
        expire_leases()
        stage(company)
    assert set(CaptureJob.objects.values_list("state", flat=True)) == {JobState.DONE}


def judge(company: Company, contact: UUID, before: str, *titles: str) -> None:
    """Check that each edit is staged once, and that the original is back, written once for each chain."""
    assert Counter(staged(company, contact)) == Counter(("jobtitle", before, title) for title in titles)
    assert company.value(contact, "jobtitle") == before
    assert company.written(contact, "jobtitle") == [before]
    assert flags(company, contact) == [True] * len(titles)
    assert Restore.objects.filter(result="restored").count() == len(titles)


@pytest.mark.parametrize("point", POINTS)
def test_chain_is_staged_once_despite_power_cut(restoring: Company, points: Failpoints, point: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    for title in ("Pilot", "Captain"):
        restoring.outlook(contact, jobtitle=title)
    points.arm(point, points.cut_power)

    assert points.run(lambda: stage(restoring))
    finish(restoring, points)

    judge(restoring, contact, before, "Pilot", "Captain")


@pytest.mark.long
@pytest.mark.parametrize(
    ("cut", "point"),
    [
        ("before_commit", "capture.read"),
        ("before_commit", "capture.sent"),
        ("after_commit", "capture.read"),  # finds the edit staged, and sends nothing
    ],
)
def test_power_cut_after_lost_answer_duplicates_nothing(
    restoring: Company, points: Failpoints, cut: str, point: str
) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({**CUT, "cut": cut})
    stage(restoring)
    restoring.heal()
    points.arm(point, points.cut_power)

    assert points.run(work)
    finish(restoring, points)

    judge(restoring, contact, before, "Pilot")


@pytest.mark.long
@pytest.mark.parametrize("point", REFUSED_POINTS)
def test_unrestored_edit_is_staged_once_despite_power_cut(restoring: Company, points: Failpoints, point: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({"method": "PATCH", "table": "contact", "status": 400, "times": 9})
    points.arm(point, points.cut_power)

    assert points.run(lambda: stage(restoring))
    finish(restoring, points)

    assert staged(restoring, contact) == [("jobtitle", before, "Pilot")]
    assert (flags(restoring, contact), restoring.written(contact, "jobtitle")) == ([False], [])
    assert Restore.objects.get().reason == "refused_400"


Event = Callable[[Company, UUID], None]
EVENTS: dict[str, Event] = {
    "a program": lambda company, contact: company.write("erp", contact, jobtitle="From ERP"),
    "a form": lambda company, contact: company.form(contact, jobtitle="From a form"),
}


@pytest.mark.long
@pytest.mark.parametrize("point", ["capture.read", "capture.sent"])
@pytest.mark.parametrize("event", EVENTS)
def test_change_while_restoring_is_kept(restoring: Company, points: Failpoints, event: str, point: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    points.arm(point, lambda: EVENTS[event](restoring, contact))

    stage(restoring)
    finish(restoring, points)

    assert staged(restoring, contact) == [("jobtitle", before, "Pilot")]
    assert str(restoring.value(contact, "jobtitle")).startswith("From")
    assert restoring.written(contact, "jobtitle") == []
