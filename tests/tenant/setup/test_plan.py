"""The set-up of a CRM: it creates everything once, and stops when something differs."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.crm.errors import Forbidden
from syncapp.crm.names import Names
from syncapp.tenant.privileges import needed
from syncapp.tenant.setup import plan
from syncapp.tenant.setup.items import ROLE, SOLUTION, Options, SetupError, State
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


def test_setup_creates_all_parts(bare):
    bare.apply(REVISION)

    assert set(states(bare, REVISION).values()) == {State.EXISTS}
    made = bare.everything()
    record, field = (made["definitions"][name] for name in ("osync_syncrecord", "osync_syncfield"))
    assert (record["ChangeTrackingEnabled"], field["ChangeTrackingEnabled"]) == (True, True)
    assert record["Keys"][0]["KeyAttributes"] == ["osync_operationid"]
    assert [row["uniquename"] for row in made["solutions"]] == ["Default", SOLUTION]
    assert "contact" in made["definitions"]
    assert any(row["name"] == "osync_contact_revision.js" for row in made["webresourceset"])


def test_role_has_exactly_the_needed_privileges(bare):
    bare.apply()

    held = {name.lower() for name in bare.everything()["privileges of roles"][ROLE]}
    known = {row["name"].lower() for row in bare.rows("privileges")}
    assert held == {privilege.key for privilege in needed(Names())} & known
    assert {"prvreadosync_syncrecord", "prvwriteosync_syncfield", "prvwritecontact"} <= held


def test_second_setup_changes_nothing(bare):
    bare.apply(REVISION)
    before, ledger = bare.everything(), bare.control("GET", "ledger")

    bare.apply(REVISION)

    assert (bare.everything(), bare.control("GET", "ledger")) == (before, ledger)


def test_revision_column_is_created_only_on_request(bare):
    bare.apply()

    columns = {column["LogicalName"] for column in bare.everything()["definitions"]["contact"]["Attributes"]}
    assert "osync_revision" not in columns
    assert bare.everything()["webresourceset"] == []


def test_existing_tables_are_left_alone(bare):
    bare.reset(bare=False)

    found = states(bare)

    assert {title for title, state in found.items() if state is State.CREATE} == {
        *(f"publisher {SOLUTION.lower()}", f"solution {SOLUTION}"),
        *(f"security role {ROLE}", f"privileges of {ROLE}"),
    }


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        (table("osync_SyncRecord", EntitySetName="osync_recordings"), "EntityDefinitions", "Its set name is"),
        ({"name": ROLE}, "roles", "this command did not make it"),
        (
            {"uniquename": "outlooksyncportal", "friendlyname": "x", "customizationprefix": "abc"},
            "publishers",
            "Its prefix is abc, but the tables’ is osync.",
        ),
        ({"uniquename": SOLUTION, "friendlyname": "x", "ismanaged": True}, "solutions", "It is managed"),
        (
            {"name": "osync_contact_revision.js", "webresourcetype": 3, "content": "eA=="},
            "webresourceset",
            "A web resource of this name has different content.",
        ),
    ],
    ids=["set name", "role", "publisher", "solution", "script"],
)
def test_taken_name_stops_setup_before_writing(bare, body, path, said):
    unit = {"businessunitid@odata.bind": f"businessunits({bare.environment().reads.top_unit()})"}
    bare.send("POST", path, body | unit if path == "roles" else body)
    before = bare.everything()

    with pytest.raises(SetupError, match="Nothing was written") as caught:
        bare.apply(REVISION)

    assert said in str(caught.value)
    assert bare.everything() == before


def test_column_of_another_type_stops_setup_before_writing(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncField"))
    number = {"@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "SchemaName": "osync_DecidedBy"}
    bare.send("POST", "EntityDefinitions(LogicalName='osync_syncfield')/Attributes", number)
    before = bare.everything()

    with pytest.raises(SetupError, match="Its type is integer, but the portal needs text"):
        bare.apply()

    assert bare.everything() == before


def test_key_with_other_columns_stops_setup(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncRecord"))
    key = {"SchemaName": "osync_operation_key", "KeyAttributes": ["osync_name"]}
    bare.send("POST", "EntityDefinitions(LogicalName='osync_syncrecord')/Keys", key)

    with pytest.raises(SetupError, match="A key named osync_operation_key has other columns"):
        bare.apply()


def test_table_made_by_hand_is_completed(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncRecord", "osync_Name"))
    assert states(bare)["change tracking of osync_syncrecord"] is State.CHANGE

    bare.apply()

    assert bare.states() == {State.EXISTS}
    assert bare.everything()["definitions"]["osync_syncrecord"]["ChangeTrackingEnabled"] is True


def test_configured_names_are_used(bare):
    bare.names = Names(
        record_table="acme_edit",
        record_set="acme_edits",
        record_id="acme_editid",
        record_name="acme_title",
        record_operation_id="acme_operationid",
        field_record="acme_edit",
    )
    bare.apply()

    assert bare.states() == {State.EXISTS}
    assert "acme_edit" in bare.everything()["definitions"]
    assert bare.rows("publishers?$filter=uniquename eq 'outlooksyncportal'")[0]["customizationprefix"] == "acme"


def test_setup_waits_for_slow_index(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncRecord", "osync_OperationId"))
    bare.control("PUT", "keys", {"seconds": 5})
    key = {"SchemaName": "osync_operation_key", "KeyAttributes": ["osync_operationid"]}
    bare.send("POST", "EntityDefinitions(LogicalName='osync_syncrecord')/Keys", key)
    environment = bare.environment()

    plan.wait_for_keys(environment, bare.said.append, poll_seconds=0.2)

    assert "waiting for the index of the key of osync_syncrecord (InProgress)" in bare.said
    assert environment.crm.metadata.keys("osync_syncrecord")[0].is_enforced


def test_index_that_takes_too_long_is_reported(bare):
    bare.control("PUT", "keys", {"seconds": 60})

    with pytest.raises(SetupError, match="still InProgress"):
        bare.apply(seconds=0.2)

    assert bare.states() == {State.EXISTS}


def test_failed_index_is_reported(bare):
    bare.control("PUT", "keys", {"fails": True})

    with pytest.raises(SetupError, match="could not build the index"):
        bare.apply()
    with pytest.raises(SetupError, match="Its index has failed"):
        bare.apply()


def test_setup_without_customizer_rights_is_refused(bare):
    bare.send("POST", "solutions", {"uniquename": SOLUTION, "friendlyname": "x"})
    before = bare.everything()
    environment = bare.environment(user="Rita Lindqvist")

    with pytest.raises(Forbidden):
        environment.writes.create_table(environment.schema.records)

    assert bare.everything() == before
