"""Reset, which restores only changed tables with the same result as a new file."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dataverse_sandbox import config, seed
from dataverse_sandbox.catalog import BUILT_IN
from dataverse_sandbox.config import World
from dataverse_sandbox.store import Store
from dataverse_sandbox.tests.caller import Sandbox

NOON = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
SMALL = {"users": 3, "contacts": 6, "pending": 4, "seed": 1, "base": NOON.isoformat()}


def everything(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, without their versions."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        return {table.name: _rows(connection, table.name, table.key.name) for table in BUILT_IN.tables}


def _rows(connection: sqlite3.Connection, table: str, key: str) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608 - names of the catalog
    return [{name: row[name] for name in row.keys() if name != "versionnumber"} for row in found]  # noqa: SIM118 - a Row iterates over its values


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    path = tmp_path_factory.mktemp("fresh") / "crm.sqlite3"
    seed.reset(Store(path, synchronous="OFF"), World(users=3, contacts=6, pending=4, seed=1), base=NOON)
    return everything(path)


def change_contacts(crm: Sandbox) -> None:
    crm.edit(crm.contact()["contactid"], jobtitle="Pilot")
    crm.post("contacts", {"lastname": "New"})
    crm.delete(f"contacts({crm.contact(2)['contactid']})")


def change_rights(crm: Sandbox) -> None:
    crm.give_roles("Rita Lindqvist")


def change_definitions(crm: Sandbox) -> None:
    kind = "Microsoft.Dynamics.CRM.StringAttributeMetadata"
    body = {"@odata.type": kind, "SchemaName": "new_Note", "MaxLength": 50}
    assert crm.post("EntityDefinitions(LogicalName='contact')/Attributes", body).status_code == 204


def change_filters(crm: Sandbox) -> None:
    with sqlite3.connect(crm.server.application.store.path) as connection:
        connection.execute("UPDATE userquery SET statecode = 1")


def change_world(crm: Sandbox) -> None:
    crm.reset(**{**SMALL, "contacts": 9, "users": 1, "seed": 5})


@pytest.mark.parametrize(
    "change",
    [change_contacts, change_rights, change_definitions, change_filters, change_world],
    ids=lambda f: f.__name__,
)
def test_reset_database_equals_new_database(sandbox: Sandbox, fresh: Any, change: Any) -> None:
    sandbox.reset(**SMALL)
    change(sandbox)
    assert everything(sandbox.server.application.store.path) != fresh

    sandbox.reset(**SMALL)

    assert everything(sandbox.server.application.store.path) == fresh


def test_reset_after_large_world_is_complete(sandbox: Sandbox, fresh: Any) -> None:
    sandbox.reset(**SMALL)
    sandbox.reset(**{**SMALL, "users": 340})

    sandbox.reset(**SMALL)

    assert everything(sandbox.server.application.store.path) == fresh


def test_reset_applies_new_privileges_immediately(sandbox: Sandbox) -> None:
    sandbox.give_roles("Rita Lindqvist")
    rita = sandbox.as_user("Rita Lindqvist")
    assert rita.get("contacts").status_code == 403

    sandbox.reset()

    assert rita.get("contacts").status_code == 200


def test_reset_keeps_organization_id(sandbox: Sandbox) -> None:
    sandbox.reset(seed=9)

    assert sandbox.get("WhoAmI").json()["OrganizationId"] == config.ORGANIZATION_ID


def test_people_have_distinct_names(sandbox: Sandbox) -> None:
    sandbox.reset(users=500)
    people = sandbox.rows("systemusers?$select=fullname,internalemailaddress")

    assert len({row["fullname"] for row in people}) == len({row["internalemailaddress"] for row in people}) == 509
    assert not any("(" in row["fullname"] for row in people)
