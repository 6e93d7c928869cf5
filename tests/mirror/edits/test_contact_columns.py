"""Contact columns that the CRM lacks: left out of reads and writes, and named."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings

from syncapp.connection import clients
from syncapp.mirror.edits import companies, contact_columns
from syncapp.mirror.edits.live_values import refresh_record
from syncapp.models import CrmColumn, SyncField
from tests.support.people import ada, browser
from tests.support.screen import Screen
from tests.support.world import World

REVISION = "osync_revision"


def lacks(*names: str, asked_ago: float = 0) -> None:
    """Forget columns, as if the CRM's definitions lacked them."""
    CrmColumn.objects.filter(name__in=names).delete()
    CrmColumn.objects.update(read_at=timezone.now() - timedelta(seconds=asked_ago))


def approve(world: World) -> SyncField:
    """Approve an edit without the plug-in, which would mistake a write without a revision for an Outlook edit."""
    field = world.edited(jobtitle="Pilot")["jobtitle"]
    requests.put(f"{world.url}/sandbox/plugin", json={"enabled": False}, timeout=10).raise_for_status()
    world.decide(approve=(field,))
    return field


def written_columns(world: World) -> set[str]:
    return {column for entry in world.ledger("contact") for column in entry["changes"]}


def test_revision_column_can_be_left_out(world: World, settings: Settings) -> None:
    settings.CRM_NAMES = {"contact_revision": ""}
    field = approve(world)

    refresh_record(field.record, crm=clients.crm())
    world.deliver()

    assert world.value(world.contact(), "jobtitle") == "Pilot"
    assert REVISION not in written_columns(world)
    assert REVISION not in dict(contact_columns.missing())


@pytest.mark.parametrize(("asked_ago", "is_written"), [(0, False), (120, True)])
def test_missing_revision_column_is_rechecked_before_writing(world: World, asked_ago: float, is_written: bool) -> None:
    approve(world)
    lacks(REVISION, asked_ago=asked_ago)

    world.deliver()

    assert world.value(world.contact(), "jobtitle") == "Pilot"
    assert (REVISION in written_columns(world)) is is_written


def test_missing_columns_are_neither_read_nor_fatal(world: World) -> None:
    field = world.edited(jobtitle="Pilot")["jobtitle"]
    assert companies.read_missing(clients.crm()) == 0, "the pull has already read it"
    field.record.__class__.objects.update(company=None)
    lacks("parentcustomerid", "ownerid", "masterid", "statecode")
    world.faults({"method": "GET", "table": "contact", "path": "contacts(", "status": 500, "times": 0})

    assert companies.read_missing(clients.crm()) == 0
    assert refresh_record(field.record, crm=clients.crm()).details.owner == ""


def test_connection_page_names_missing_columns(world: World) -> None:
    world.edited(jobtitle="Pilot")
    assert "Missing contact columns" not in Screen(browser(ada()).get("/settings/connection/")).words
    lacks("parentcustomerid", REVISION, "jobtitle")

    words = Screen(browser(ada()).get("/settings/connection/")).words

    for name in ("parentcustomerid Companies", f"{REVISION} It is looked for again", "jobtitle Edits to it"):
        assert name in words


def test_no_column_is_missing_before_definitions_are_read(world: World) -> None:
    assert contact_columns.missing() == []
