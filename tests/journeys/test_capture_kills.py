"""kill -9 at every step of capture: by the CRM's ledger each edit is staged once, and its original restored once.

A new process must finish what the dead one began. Each contact gets a chain of two edits of one column, whose baseline
is the value before both.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from syncapp.jobs.queue import REDISPATCH_AFTER
from syncapp.models import Capture, CaptureContact, CaptureJob, MirrorCursor
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import OPEN_STATES, JobState
from tests.capture.conftest import Company
from tests.journeys.conftest import use_sandbox
from tests.journeys.database import fresh_database
from tests.journeys.stack import Stack, running_stack
from tests.journeys.story import TALLY
from tests.support.servers import wait_until

pytestmark = [pytest.mark.journey, pytest.mark.long, pytest.mark.timeout(3600)]

# With the ten ways to die below, 240 kills.
ROUNDS = int(os.environ.get("CAPTURE_KILLS", "24"))
PATIENCE = 90.0
# One column for each way to die, because capture restores a column at most three times a day.
POINTS = {
    "capture.contacts": "jobtitle",
    "capture.listed": "department",
    "capture.read": "fax",
    "capture.claimed": "pager",
    "capture.sent": "telephone1",
    "capture.answered": "telephone2",
    "capture.stored": "assistantname",
    "capture.finished": "managername",
}
HELD = {"before_commit": "nickname", "after_commit": "salutation"}


@dataclass(slots=True)
class Scene:
    """A company whose CRM is read and written by real processes."""

    stack: Stack
    company: Company
    contacts: list[UUID]

    def run_until(self, holds: Callable[[], object], what: str) -> None:
        """Have the audit log read and waiting jobs processed until the condition holds."""

        def turn() -> object:
            if holds():
                return True
            self.stack.send("read_audit_log")
            CaptureJob.objects.filter(state__in=[JobState.READY, JobState.VERIFY]).update(due_at=Now())
            long_ago = timedelta(seconds=REDISPATCH_AFTER)
            CaptureJob.objects.exclude(dispatched_at=None).update(dispatched_at=F("dispatched_at") - long_ago)
            time.sleep(0.5)
            return False

        wait_until(turn, seconds=PATIENCE, what=what)

    def edit_twice(self, contact: UUID, column: str) -> None:
        for number in (1, 2):
            self.company.outlook(contact, **{column: self.text(contact, number)})

    def text(self, contact: UUID, number: int) -> str:
        return f"{number}. {contact.hex[:8]}"

    def is_idle(self) -> bool:
        """Return whether no process has anything to do."""
        awaited = CaptureContact.objects.filter(awaited_until__gt=Now()).exists()
        jobs = CaptureJob.objects.filter(state__in=OPEN_STATES).exists()
        return not (awaited or jobs)

    def judge(self, column: str, before: dict[UUID, Any]) -> None:
        """Compare the CRM's rows and its ledger with the edits."""
        self.run_until(lambda: self.staged(column).total() >= 2 * len(before), f"all edits of {column} are staged")
        self.run_until(self.is_idle, "all work is done")
        expected = Counter(
            (str(contact), original, self.text(contact, number))
            for contact, original in before.items()
            for number in (1, 2)
        )
        found = self.staged(column)
        restored = {contact: self.company.written(contact, column) for contact in before}
        TALLY["captured edits"] += expected.total()
        TALLY["captured edits lost"] += (expected - found).total()
        TALLY["captured edits twice or wrong"] += (found - expected).total()
        assert found == expected
        assert restored == {contact: [original] for contact, original in before.items()}
        assert {contact: self.company.value(contact, column) for contact in before} == before

    def staged(self, column: str) -> Counter[tuple[str, Any, Any]]:
        fields = self.company.rows("osync_syncfields")
        records = {row["osync_syncrecordid"]: row["osync_targetid"] for row in self.company.rows("osync_syncrecords")}
        return Counter(
            (records[row["_osync_syncrecord_value"]], row["osync_originalvalue"], row["osync_proposedvalue"])
            for row in fields
            if row["osync_name"] == column
        )


@pytest.fixture(scope="module")
def capturing(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Stack, Company]]:
    """Run a stack of processes that capture, beside one that does not."""
    folder = tmp_path_factory.mktemp("capture")
    with (
        fresh_database(folder, django_db_blocker, name="capture") as database,
        running_stack(database, CAPTURE="audit", CAPTURE_COLUMNS="*") as stack,
    ):
        company = Company(stack.sandbox.url)
        company.reset(contacts=ROUNDS, users=3)
        yield stack, company


@pytest.fixture
def scene(capturing: tuple[Stack, Company], settings: Settings, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    stack, company = capturing
    use_sandbox(stack.sandbox.url, settings)
    settings.CAPTURE, settings.CAPTURE_COLUMNS, settings.CRM_ENABLE_WRITES = "audit", ["*"], True
    with django_db_blocker.unblock(), stack.database.used_here():
        if not Capture.objects.exists():
            company.begin(contacts=ROUNDS, users=3)
            company.switch_on()
            Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=F("observing_since"), max_restores=100_000)
        company.begin_ledger()
        contacts = sorted(UUID(row["contactid"]) for row in company.rows("contacts", select="contactid"))
        try:
            yield Scene(stack, company, contacts)
        finally:
            stack.disarm()
            company.heal()
            stack.restore_workers()
            MirrorCursor.objects.exclude(lease_until=None).update(lease_until=Now())


@pytest.mark.parametrize("point", POINTS)
def test_capture_survives_kill_at_each_step(scene: Scene, point: str) -> None:
    column = POINTS[point]
    before = {contact: scene.company.value(contact, column) for contact in scene.contacts}
    for contact in scene.contacts:
        scene.stack.arm(point)
        scene.edit_twice(contact, column)
        scene.run_until(lambda: not scene.stack.is_armed(point), f"a process dies at {point}")
        TALLY["kills"] += 1
        TALLY[f"kills at {point}"] += 1

    scene.judge(column, before)


@pytest.mark.parametrize("when", HELD)
def test_capture_survives_kill_during_restore(scene: Scene, when: str) -> None:
    column = HELD[when]
    before = {contact: scene.company.value(contact, column) for contact in scene.contacts}
    for turn, contact in enumerate(scene.contacts):
        scene.company.faults({"method": "PATCH", "path": f"contacts({contact})", "hold": when})
        scene.edit_twice(contact, column)
        scene.run_until(scene.company.held, "the CRM holds the restore")
        scene.stack.worker.kill_pool()
        TALLY["kills"] += 1
        TALLY[f"kills at a restore held {when}"] += 1
        scene.company.heal(drop=turn % 2 == 1)

    scene.judge(column, before)
