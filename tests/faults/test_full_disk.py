"""The disk with the SQLite file is full for a while: no partial writes, and work resumes with free space."""

from __future__ import annotations

import errno
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from syncapp.models import Decision
from tests.faults.conftest import AS_IN_PRODUCTION, contacts_of
from tests.faults.reviewer import Answer, Reviewer
from tests.journeys.database import fresh_database
from tests.journeys.stack import Stack, running_stack
from tests.journeys.story import Story
from tests.support.people import rita

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps its file on this disk"),
]

SIZE = "40m"
EDITS = 6


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mount a small file system in memory."""
    folder = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"cannot mount a small disk here: {error}")
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def stack(small_disk: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Run a stack with its database on the small disk."""
    with (
        fresh_database(small_disk, django_db_blocker, name="small") as database,
        running_stack(database, proxied=True, **AS_IN_PRODUCTION) as stack,
    ):
        yield stack


@pytest.fixture(scope="module")
def contacts(stack: Stack) -> Iterator[uuid.UUID]:
    """Yield contacts of this stack's CRM."""
    return contacts_of(stack, 60)


def fill(disk: Path) -> Path:
    """Fill the disk with a file."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file:
        for block in (1 << 20, 1 << 12, 1 << 9):
            try:
                while True:
                    file.write(bytes(block))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return filling


def test_full_disk_loses_nothing(story: Story, small_disk: Path):
    edits = story.edited(2 * EDITS)
    before, during = edits[:EDITS], edits[EDITS:]
    reviewer = Reviewer(story.stack, rita())
    forms = {edit.record: reviewer.form(edit) for edit in during}
    story.decide(*before)
    filling = fill(small_disk)
    answers = [reviewer.submit(edit, forms[edit.record]) for edit in during]
    assert {answer.status for answer in answers} & {500, 503}, "the disk was not full"

    filling.unlink()
    later: list[Answer] = []
    for edit in during:
        story.wait(lambda edit=edit: reviewer.decide_until_shown(edit, later), "the page shows the edit as decided")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for edit in edits:
        assert Decision.objects.filter(field__in=[field.pk for field in edit.fields.values()]).count() == 2
    story.delivered_exactly_once(*edits)
