"""Visibility of edits that are staged while the portal reads: always with all their fields."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.mirror.edits import pull
from syncapp.mirror.edits.pull import PullResult
from syncapp.models import Arrival, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review import notification_rules
from syncapp.review.rules import runs
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = {"jobtitle": "Head", "telephone1": "+47 1", "department": "Sales"}


def pull_while_edit_is_staged(world: World, *, after_page: int = 1, **columns: Any) -> PullResult:
    """Pull; the edit is staged after this page was read. After the first, the fields are read and the edits not."""
    pages = 0

    def edit(pulled: PullResult) -> None:
        nonlocal pages
        pages += 1
        if pages == after_page:
            world.outlook(world.contact(), **columns)

    return world.pull(progress=edit)


def shown_counts() -> list[int]:
    return list(SyncRecord.objects.visible().values_list("waiting_count", flat=True))


def test_edit_staged_between_the_reads_is_complete(world: World):
    world.pull()

    pull_while_edit_is_staged(world, **CHANGES)

    assert shown_counts() == [3]


def test_edit_staged_between_the_reads_is_mailed(world: World):
    rita()
    world.pull()
    notification_rules.notify_new_edits()  # she is notified from now on

    pull_while_edit_is_staged(world, **CHANGES)

    assert notification_rules.notify_new_edits() == 1


def test_edit_is_hidden_until_its_fields_are_read(world: World, monkeypatch):
    rita()
    world.pull()
    with monkeypatch.context() as crash:
        _crash_before_the_second_read_of_fields(crash)
        with pytest.raises(KeyboardInterrupt):
            pull_while_edit_is_staged(world, **CHANGES)
    assert (shown_counts(), Arrival.objects.count(), notification_rules.notify_new_edits()) == ([], 0, 0)

    world.pull()

    assert (shown_counts(), notification_rules.notify_new_edits()) == ([3], 1)


def _crash_before_the_second_read_of_fields(crash: pytest.MonkeyPatch) -> None:
    original, reads = pull._read, []

    def read(crm: Any, table: Any, *args: Any, **options: Any) -> bool:
        reads.append(table.name)
        if reads.count(pull.FIELDS) == 2:
            raise KeyboardInterrupt
        return original(crm, table, *args, **options)

    crash.setattr(pull, "_read", read)


def test_edit_staged_between_pages_is_complete(world: World, monkeypatch):
    monkeypatch.setattr(pull, "PAGE_SIZE", 2)
    world.pull()
    world.outlook(world.contact(1), **CHANGES)

    pull_while_edit_is_staged(world, **CHANGES)

    assert shown_counts() == [3, 3]


def test_edit_without_fields_is_not_shown(world: World):
    world.pull()
    world.stage_edit(world.contact())

    world.pull()
    assert shown_counts() == []
    assert world.pull().pages == 2, "later pulls do not read the fields twice because of it"


def test_newer_edit_supersedes_older_when_shown(world: World):
    older = world.edited(jobtitle="Chief")["jobtitle"]

    pull_while_edit_is_staged(world, **CHANGES)

    older.refresh_from_db()
    assert older.decision == FieldDecision.SUPERSEDED
    assert SyncField.objects.filter(decision=FieldDecision.PENDING).count() == 3


def test_rules_wait_until_edit_is_shown(world: World, monkeypatch):
    world.pull()
    with monkeypatch.context() as crash:
        _crash_before_the_second_read_of_fields(crash)
        with pytest.raises(KeyboardInterrupt):
            pull_while_edit_is_staged(world, **CHANGES)

    runs.run(seconds=5)

    assert not SyncField.objects.filter(ruled_at__isnull=False).exists()
