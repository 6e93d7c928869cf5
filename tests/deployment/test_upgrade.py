"""docs/how-to/upgrades.md command by command, with the code of the previous release: upgrade, roll back, give up."""

from __future__ import annotations

import pytest

from syncapp.migrations import PREVIOUS_RELEASE
from tests.deployment.documents import commands
from tests.deployment.host import previous_release, running_host
from tests.deployment.story import RITA, Story, title

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]  # it starts dozens of processes
OLD, NEW = "1.0", "1.1"
# The commands with which the previous release was installed at its time.
PREPARE_OLD = """
cd /opt/outlook-sync
set -a; . /etc/outlook-sync/portal.env; set +a
.venv/bin/python manage.py migrate --no-input
.venv/bin/python manage.py collectstatic --no-input
.venv/bin/python manage.py connection --enable review
"""
NEWEST = "SELECT max(name) FROM django_migrations WHERE app = 'syncapp'"


def test_upgrade_rollback_and_downgrade_lose_nothing() -> None:
    blocks = commands("upgrades.md")
    with running_host(UNDO_SECONDS="2") as (host, crm):
        host.add_release(OLD, files=previous_release())
        host.add_release(NEW)
        host.use_release(OLD)
        host.run(PREPARE_OLD)
        host.use_units_of(NEW)  # the previous release brought none
        host.wait_until_ready()
        story, rita = Story(host, crm), host.visitor(RITA)
        contacts = story.edit(5)
        for contact, step in zip(contacts, ("", "prepare", "switch", "roll-back", "undo-migrations"), strict=True):
            if step:
                host.run(blocks[step])
                host.wait_until_ready()
            story.approve(rita, contact)  # in the same session
            story.wait_until_written([contact])
            is_old = step in ("", "undo-migrations")
            assert (host.rows(NEWEST) == [(PREVIOUS_RELEASE,)]) is is_old, step

        for contact in contacts:
            assert story.written(contact) == [title(contact)]
            assert story.states(contact) == ["written"]
