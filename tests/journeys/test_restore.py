"""A backup taken under load is restored later: no write is repeated or misattributed."""

from __future__ import annotations

import io
import json
import logging
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models.functions import Now
from django.urls import reverse

from syncapp.models import AuditEntry, Decision, Delivery, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState
from tests.journeys.conftest import use_sandbox
from tests.journeys.database import fresh_database
from tests.journeys.stack import TIMES, running_stack
from tests.journeys.story import REJECTED, Edit, Story
from tests.support.people import browser, vera
from tests.support.screen import Screen
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = pytest.mark.journey

CONTACTS = 60
NEEDS_ACTION = 3


@pytest.fixture
def story(
    tmp_path: Path, settings: Settings, django_db_blocker: DjangoDbBlocker, caplog: pytest.LogCaptureFixture
) -> Iterator[Story]:
    """Return a story in a stack of its own, which it may stop."""
    caplog.set_level(logging.INFO, "syncapp.review.decision_log")
    with fresh_database(tmp_path, django_db_blocker, name="restored") as database, running_stack(database) as stack:
        use_sandbox(stack.sandbox.url, settings)
        settings.UNDO_SECONDS, settings.LEASE = 0, int(TIMES["LEASE"])
        world = World(stack.sandbox.url)
        world.reset(contacts=CONTACTS, users=10, filters=4)
        contacts = iter([uuid.UUID(row["contactid"]) for row in world.rows("contacts", select="contactid")])
        with django_db_blocker.unblock(), database.used_here():
            yield Story(stack, world, contacts)


class Load:
    """A thread that continuously makes and decides edits."""

    def __init__(self, story: Story) -> None:
        self.decided: list[Edit] = []
        self._story, self._ends, self._is_busy = story, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Load:
        self._thread.start()
        assert self._is_busy.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._thread.join(60)

    def _work(self) -> None:
        try:
            while not self._ends.is_set() and len(self.decided) < CONTACTS // 3:
                (edit,) = self._story.edited()
                self._story.decide(edit)
                self.decided.append(edit)
                if len(self.decided) > 2:
                    self._is_busy.set()
        finally:
            connections["default"].close()


def work_after_the_backup(story: Story, waiting: Edit, held: Edit) -> list[Edit]:
    """Decide an edit from the backup, release a held one, decide new ones, and wait for all writes."""
    Decision.objects.filter(target_id=held.contact).update(due_at=Now())
    Delivery.objects.filter(target_id=held.contact).update(due_at=Now())
    new = story.edited(3)
    for edit in (waiting, *new):
        story.decide_on_the_page(edit)
    story.wait_until_delivered(waiting, held, *new)
    return [waiting, held, *new]


def reconcile(*arguments: str) -> tuple[int, dict[str, Any]]:
    out, status = io.StringIO(), 0
    try:
        call_command("reconcile", "--json", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    return status, json.loads(out.getvalue())


def words_of_record(edit: Edit) -> str:
    return Screen(browser(vera()).get(reverse("record", args=[edit.record]))).words


def test_database_restore_repeats_nothing_and_names_deciders(
    story: Story, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    waiting, lost, theirs, held = story.edited(4)
    settings.UNDO_SECONDS = 3600
    story.decide(held)
    settings.UNDO_SECONDS = 0
    with Load(story) as load:
        story.stack.database.back_up(tmp_path / "backup")
    written = work_after_the_backup(story, waiting, held) + load.decided
    story.wait_until_delivered(*written)
    settings.UNDO_SECONDS = 3600
    story.decide(lost)
    story.world.decide_in_the_crm(theirs.fields[REJECTED])
    before = story.our_entries()
    story.stack.stop()
    (tmp_path / "web.log").write_text("\n".join(caplog.messages))
    story.stack.database.restore(tmp_path / "backup")
    restored = set(SyncRecord.objects.values_list("pk", flat=True))
    assert not {edit.record for edit in written} <= restored, "some were staged after the backup"

    status, account = reconcile("--apply", "--log", str(tmp_path / "web.log"))
    Decision.objects.filter(state=DecisionState.OPEN).update(due_at=Now())
    Delivery.objects.update(due_at=Now())  # while no worker locks the rows in another order
    story.stack.start_again()
    story.wait_until_delivered(*written)

    assert story.our_entries() == before, "the restored portal wrote something again"
    story.delivered_exactly_once(*written)
    assert status == NEEDS_ACTION
    assert {each["field"] for each in account["lost"]} == {str(row.pk) for row in lost.fields.values()}
    assert account["differing"] == []
    recognized = {each["field"] for each in account["recognized"]}
    assert {str(row.pk) for row in waiting.fields.values()} <= recognized
    assert {each["by"] for each in account["recognized"]} == {"Rita"}
    withdrawn = SyncField.objects.filter(decision=FieldDecision.WITHDRAWN).values_list("pk", flat=True)
    assert list(withdrawn) == [theirs.fields[REJECTED].pk]
    for edit in written:
        words = words_of_record(edit)
        assert "by Rita" in words
        assert "decided in the CRM itself" not in words
    assert "Rita approved this" in words_of_record(lost)
    found = AuditEntry.objects.filter(action__startswith="field.recognized.")
    assert found.count() == len(recognized)

    settings.UNDO_SECONDS = 0
    story.decide(story.found(lost.contact, lost.proposed))
    story.wait_until_delivered(lost)
    writes = [entry for entry in story.our_entries() if entry["id"] == str(lost.contact)]
    assert len(writes) == 1
