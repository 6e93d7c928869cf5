"""docs/how-to/backup.md command by command: back up, lose a host, restore, reconcile, continue."""

from __future__ import annotations

import shutil

import pytest

from tests.deployment.documents import commands
from tests.deployment.host import running_host
from tests.deployment.story import RITA, Story, title

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]  # it starts dozens of processes
UNDO_SECONDS = "6"
NEEDS_ACTION = 3


def test_database_restore_loses_and_repeats_nothing() -> None:
    blocks = commands("backup.md")
    with running_host(UNDO_SECONDS=UNDO_SECONDS) as (host, crm):
        host.install("1.0")
        story, rita = Story(host, crm), host.visitor(RITA)
        before, during, lost, later = story.edit(4)
        story.approve(rita, before)
        story.wait_until_written([before])
        host.run(blocks["back-up"])
        (after,) = story.edit(1)
        for contact in (during, after):
            story.approve(rita, contact)
        story.wait_until_written([during, after])
        story.approve(rita, lost)  # still in its undo time when the host is lost
        host.run(blocks["stop"])
        settings = (host.root / "etc/outlook-sync/portal.env").read_bytes()
        shutil.rmtree(host.root / "etc/outlook-sync")

        for name in ("keep-logs", "restore", "read-only"):
            host.run(blocks[name])
        assert (host.root / "etc/outlook-sync/portal.env").read_bytes() == settings
        assert not story.record(after), "it was staged after the backup"
        report = host.run(blocks["reconcile"], status=NEEDS_ACTION)
        host.run(blocks["start-web"])
        host.wait_until_ready()
        host.run(blocks["start-all"])
        rita = host.visitor(RITA)
        for contact in (lost, later):
            story.approve(rita, contact)
        story.wait_until_written([lost, later])

        assert "2 decided before a restore, recognized" in report
        assert "1 decided according to the log, but lost" in report
        for contact in (before, during, after, lost, later):
            assert story.written(contact) == [title(contact)]
        assert {each: story.states(each) for each in (before, during, after, later)} == {
            each: ["written"] for each in (before, during, after, later)
        }
        assert story.states(lost) == ["lost", "written"]
        names = host.rows("SELECT target_id::text, recognized_by FROM syncapp_decision WHERE recognized_by <> ''")
        assert dict(names) == {during: RITA, after: RITA}
