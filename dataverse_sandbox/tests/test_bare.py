"""The environment without the portal's tables, columns and plug-in, and its restoration."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox.catalog import BUILT_IN
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox
from dataverse_sandbox.tests.test_reset import SMALL, everything

TEXT = "Microsoft.Dynamics.CRM.StringAttributeMetadata"


def own_names(crm: Sandbox) -> list[str]:
    tables = [row["LogicalName"] for row in crm.rows("EntityDefinitions?$select=LogicalName")]
    columns = [row["LogicalName"] for row in crm.rows("EntityDefinitions(LogicalName='contact')/Attributes")]
    return [name for name in (*tables, *columns) if name.startswith("osync_")]


@pytest.fixture
def bare(sandbox: Sandbox) -> Sandbox:
    sandbox.reset(bare=True)
    return sandbox


def test_bare_environment_has_no_portal_customizations(bare: Sandbox) -> None:
    assert own_names(bare) == []
    assert bare.get("osync_syncrecords").status_code == 404
    assert bare.rows("privileges?$filter=contains(name,'osync')") == []
    assert bare.rows("publishers?$filter=customizationprefix eq 'osync'") == []
    assert [row["uniquename"] for row in bare.rows("solutions")] == ["Default"]
    assert bare.rows("sdkmessageprocessingsteps") == []
    assert bare.ledger() == []


def test_bare_environment_stores_outlook_edits(bare: Sandbox) -> None:
    contact = bare.contact()

    done = bare.edit(contact["contactid"], jobtitle="Pilot")

    assert done["staged"] == 0
    assert bare.read(contact["contactid"])["jobtitle"] == "Pilot"


@pytest.mark.parametrize("path", ["outlook/", "sandbox/", "ledger/", "people/"])
def test_bare_environment_shows_its_pages(bare: Sandbox, path: str) -> None:
    assert bare.session.get(f"{bare.url}/{path}").status_code == 200


@pytest.mark.parametrize("path", ["sandbox/", "faults/"])
def test_bare_environment_pages_show_no_plugin(bare: Sandbox, path: str) -> None:
    text = bare.session.get(f"{bare.url}/{path}").text

    assert "this environment has no staging tables" in text.lower()
    assert "plug-in is on" not in text
    assert "On: an Outlook edit" not in text


def test_contact_page_saves_edit_in_bare_environment(bare: Sandbox) -> None:
    path = f"{bare.url}/outlook/{bare.contact()['contactid']}"

    assert "osync" not in bare.session.get(path).text
    assert "Saved in the CRM" in bare.session.post(path, data={"jobtitle": "Pilot"}).text


def test_reset_restores_portal_customizations_completely(bare: Sandbox) -> None:
    store = bare.server.application.store.path
    bare.reset(**SMALL, bare=True)

    bare.reset(**SMALL)

    after_bare = everything(store)
    bare.reset(users=1)
    bare.reset(**SMALL)
    assert after_bare == everything(store)
    assert {table.name for table in BUILT_IN.tables} == set(after_bare)


def test_form_edit_works_without_revision(bare: Sandbox) -> None:
    contact = bare.contact()["contactid"]

    bare.control("POST", "form", {"contact": contact, "changes": {"jobtitle": "Boss"}})

    assert bare.read(contact)["jobtitle"] == "Boss"


def test_bare_environment_survives_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "crm.sqlite3"
    with SandboxServer(path) as server:
        crm = Sandbox(server).sign_in()
        crm.reset(bare=True)
        body = {"SchemaName": "osync_SyncRecord", "Attributes": [_name()]}
        assert crm.post("EntityDefinitions", body).status_code == 204
    with SandboxServer(path) as server:
        crm = Sandbox(server).sign_in()
        assert own_names(crm) == ["osync_syncrecord"]
        assert crm.post("osync_syncrecords", {"osync_name": "N"}).status_code == 204
        assert crm.rows("osync_syncrecords")[0]["_owninguser_value"]
        assert crm.delete("EntityDefinitions(LogicalName='osync_syncrecord')").status_code == 204
        assert own_names(crm) == []


def _name() -> dict[str, object]:
    return {"@odata.type": TEXT, "SchemaName": "osync_Name", "IsPrimaryName": True}


def test_bare_option_accepts_only_booleans(sandbox: Sandbox) -> None:
    answer = sandbox.session.post(f"{sandbox.url}/sandbox/reset", json={"bare": 1})

    assert answer.status_code == 400
