"""Tables and columns, and their settings in the CRM."""

from __future__ import annotations

import pytest

from syncapp.capture.columns import OUTLOOK_COLUMNS
from syncapp.tenant.checks.findings import Level
from tests.support.world import World
from tests.tenant.checks.conftest import Ask, answer_of, answering

AUDITING = {"IsAuditEnabled": {"Value": False, "CanBeChanged": True}}
TABLE = {
    **{
        "LogicalName": "contact",
        "SchemaName": "Contact",
        "EntitySetName": "contacts",
        "PrimaryIdAttribute": "contactid",
    },
    **{"ObjectTypeCode": 2, "IsOptimisticConcurrencyEnabled": True, "ChangeTrackingEnabled": True},
    **AUDITING,
}


def test_staging_tables_and_columns_are_found(ask: Ask) -> None:
    for check_id in ("staging-tables", "columns.osync_syncrecord", "columns.osync_syncfield"):
        assert ask(check_id).level is Level.OK


def test_missing_staging_tables_point_to_setup(ask: Ask, company: World) -> None:
    company.bare()

    found = ask("staging-tables")

    assert found.level is Level.FAILED
    assert "osync_syncrecord, osync_syncfield not found" in found.answer
    assert "crm_setup" in found.command


@pytest.mark.parametrize("table", ["osync_syncrecord", "osync_syncfield"])
def test_settings_of_missing_tables_are_unknown(ask: Ask, company: World, table: str) -> None:
    company.bare()

    for check_id in (f"columns.{table}", f"tracking.{table}", f"versions.{table}"):
        assert ask(check_id).level is Level.UNKNOWN
    assert ask("alternate-key").level is Level.UNKNOWN


def test_wrong_entity_set_name_is_reported(ask: Ask) -> None:
    found = ask("staging-tables", names={"record_set": "osync_edits"})

    assert found.level is Level.FAILED
    assert "osync_syncrecords, not osync_edits" in found.answer


@pytest.mark.parametrize(
    ("names", "check_id", "said"),
    [
        ({"field_reason": "osync_why"}, "columns.osync_syncfield", "missing: osync_why"),
        ({"field_reason": "osync_decidedon"}, "columns.osync_syncfield", "osync_decidedon: Its type"),
        ({"record_edited_on": "osync_when"}, "columns.osync_syncrecord", "missing: osync_when"),
    ],
)
def test_missing_or_differing_column_fails_check(ask: Ask, names, check_id, said) -> None:
    found = ask(check_id, names=names)

    assert found.level is Level.FAILED
    assert said in found.answer


def test_missing_contact_columns_are_named(ask: Ask) -> None:
    found = ask("contact-columns")

    assert (found.level, found.items) == (Level.WARNING, ("yomifirstname", "yomilastname", "ftpsiteurl"))


def test_contact_with_every_column_is_ok(ask: Ask) -> None:
    columns = dict.fromkeys(OUTLOOK_COLUMNS)

    with answering({}) as context:
        context.once(("columns", "contact"), lambda: columns)
        assert answer_of("contact-columns", context).level is Level.OK


def test_revision_column_is_found(ask: Ask) -> None:
    assert ask("revision-column").level is Level.OK


def test_unused_revision_column_is_ok(ask: Ask) -> None:
    found = ask("revision-column", names={"contact_revision": ""})

    assert (found.level, found.answer) == (Level.OK, "not used")


@pytest.mark.parametrize("name", ["osync_version", "jobtitle"])
def test_unusable_revision_column_fails_check(ask: Ask, name: str) -> None:
    found = ask("revision-column", names={"contact_revision": name})

    assert found.level is Level.FAILED
    assert name in found.answer


def test_refused_request_fails_table_check() -> None:
    with answering({}, fails=("/teams",), failing_status=400) as context:
        found = answer_of("table.team", context)

    assert (found.level, "400 No such property." in found.answer) == (Level.FAILED, True)


def test_unavailable_crm_leaves_table_check_unknown() -> None:
    with answering({}, fails=("/teams",), failing_status=503) as context:
        assert answer_of("table.team", context).level is Level.UNKNOWN


READS = {
    "organization": "prvReadOrganization",
    "systemuser": "prvReadUser",
    "team": "prvReadTeam",
    "businessunit": "prvReadBusinessUnit",
    "mailbox": "prvReadMailbox",
    "savedquery": "prvReadQuery",
}


@pytest.mark.parametrize("table", READS)
def test_missing_read_privilege_fails_table_check(ask: Ask, company: World, table: str) -> None:
    assert ask(f"table.{table}").level is Level.OK

    company.take_away(READS[table])

    found = ask(f"table.{table}")
    assert found.level is Level.FAILED
    assert READS[table] in found.answer


@pytest.mark.parametrize(("name", "table"), [("record_table", "osync_syncrecord"), ("field_table", "osync_syncfield")])
def test_disabled_change_tracking_fails_check(ask: Ask, name: str, table: str) -> None:
    assert ask(f"tracking.{table}").level is Level.OK

    found = ask("tracking.organization", names={name: "organization"})

    assert found.level is Level.FAILED


@pytest.mark.parametrize(
    ("table", "level"),
    [
        ("contact", Level.FAILED),
        ("osync_syncrecord", Level.FAILED),
        ("osync_syncfield", Level.FAILED),
        ("userquery", Level.WARNING),
    ],
)
def test_table_without_row_versions_is_reported(table: str, level: Level) -> None:
    for is_kept, expected in ((True, Level.OK), (False, level)):
        with answering({"EntityDefinitions": TABLE | {"IsOptimisticConcurrencyEnabled": is_kept}}) as context:
            assert answer_of(f"versions.{table}", context).level is expected


def test_active_alternate_key_passes_check(ask: Ask) -> None:
    assert ask("alternate-key").level is Level.OK


def test_missing_alternate_key_fails_check(ask: Ask) -> None:
    found = ask("alternate-key", names={"record_operation_id": "osync_targetid"})

    assert found.level is Level.FAILED
    assert "osync_targetid" in found.answer


@pytest.mark.parametrize(
    ("status", "level"),
    [("Active", Level.OK), ("Pending", Level.WARNING), ("InProgress", Level.WARNING), ("Failed", Level.FAILED)],
)
def test_index_status_decides_level_of_alternate_key(status: str, level: Level) -> None:
    key = {"LogicalName": "key", "KeyAttributes": ["osync_operationid"], "EntityKeyIndexStatus": status}

    with answering({"/Keys": {"value": [key]}}) as context:
        assert answer_of("alternate-key", context).level is level
