"""The set-up of a CRM: what it makes, that it makes it once, and when it stops."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.tenant.setup.items import SOLUTION, Options, SetupError, State
from tests.tenant.setup.bare import STAGING, Bare

REVISION = Options(revision=True)
TEXT = "Microsoft.Dynamics.CRM.StringAttributeMetadata"


def table(name: str, primary: str = "osync_name", **more: Any) -> dict[str, Any]:
    column = {"@odata.type": TEXT, "SchemaName": primary, "MaxLength": 200, "IsPrimaryName": True}
    return {"SchemaName": name, "Attributes": [column], **more}


def states(bare: Bare, options: Options = STAGING) -> dict[str, State]:
    return {item.title: item.state for item in bare.plan(options)}


def test_plan_of_bare_crm_writes_nothing(bare):
    before, ledger = bare.everything(), bare.control("GET", "ledger")

    assert set(states(bare, REVISION).values()) == {State.CREATE}
    assert (bare.everything(), bare.control("GET", "ledger")) == (before, ledger)


def test_setup_makes_everything(bare):
    bare.apply(REVISION)

    assert set(states(bare, REVISION).values()) == {State.EXISTS}
    made = bare.everything()
    record, field = (made["definitions"][name] for name in ("osync_syncrecord", "osync_syncfield"))
    assert (record["ChangeTrackingEnabled"], field["ChangeTrackingEnabled"]) == (True, True)
    assert record["Keys"][0]["KeyAttributes"] == ["osync_operationid"]
    assert [row["uniquename"] for row in made["solutions"]] == ["Default", SOLUTION]
    assert "contact" in made["definitions"]
    assert any(row["name"] == "osync_contact_revision.js" for row in made["webresourceset"])


def test_second_setup_changes_nothing(bare):
    bare.apply(REVISION)
    before, ledger = bare.everything(), bare.control("GET", "ledger")

    bare.apply(REVISION)

    assert (bare.everything(), bare.control("GET", "ledger")) == (before, ledger)


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        (table("osync_SyncRecord", EntitySetName="osync_recordings"), "EntityDefinitions", "Its set name is"),
    ],
    ids=["set name"],
)
def test_taken_name_stops_before_writing(bare, body, path, said):
    bare.send("POST", path, body)
    before = bare.everything()

    with pytest.raises(SetupError, match="Nothing was written") as caught:
        bare.apply(REVISION)

    assert said in str(caught.value)
    assert bare.everything() == before


def test_column_of_another_type_stops_before_writing(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncField"))
    number = {"@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "SchemaName": "osync_DecidedBy"}
    bare.send("POST", "EntityDefinitions(LogicalName='osync_syncfield')/Attributes", number)
    before = bare.everything()

    with pytest.raises(SetupError, match="Its type is integer, but the portal needs text"):
        bare.apply()

    assert bare.everything() == before
