"""The directions in which contact fields are synchronized."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncapp.connection import clients
from syncapp.crm.directions.records import Direction
from syncapp.tenant.checks.findings import Level
from tests.crm.local_server import http
from tests.support.world import World
from tests.tenant.checks.conftest import WHO_AM_I, Ask, answer_of, answering
from tests.tenant.checks.test_auditing import CONTACT
from tests.tenant.checks.test_tables import TABLE

CONTACTS, TASKS = 2, 4212


def mapping(column: str, direction: int, *, allowed: int | None = 3, table: int = CONTACTS) -> dict[str, Any]:
    return {
        **{"AttributeMappingId": CONTACT, "MappingName": column, "AttributeCrmName": column, "EntityTypeCode": table},
        **{"AttributeCrmDisplayName": column.title(), "SyncDirection": direction, "DefaultSyncDirection": 3},
        **{"AllowedSyncDirection": allowed, "IsComputed": False, "ComputedProperties": []},
    }


def with_mappings(*mappings: dict[str, Any]) -> dict[str, Any]:
    return {"WhoAmI": WHO_AM_I, "RetrievePrincipalSync": {"AttributeMappings": list(mappings)}}


def rewritten(direction: int) -> bytes:
    """Return a batch's answer: the write was accepted, and reading gives this direction."""
    row = {"@odata.etag": 'W/"2"', "syncattributemappingid": CONTACT, "syncdirection": direction}
    part = "Content-Type: application/http\n\nHTTP/1.1 {}\nContent-Type: application/json\n\n{}\n"
    change_set = f"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n{part.format('204 No Content', '')}--c--\n"
    text = f"{change_set}--b\n{part.format('200 OK', json.dumps(row))}--b--\n"
    return http(200, text.replace("\n", "\r\n").encode(), content_type="multipart/mixed; boundary=b")


def test_direction_of_each_contact_field_is_listed() -> None:
    answers = with_mappings(mapping("jobtitle", 1), mapping("pager", 3), mapping("subject", 3, table=TASKS))

    with answering(answers) as context:
        found = answer_of("directions", context)

    assert (found.level, found.answer) == (Level.OK, "2 fields: 1 to Outlook, 1 both ways")
    assert found.items == ("Jobtitle: to Outlook", "Pager: both ways")


@pytest.mark.parametrize(
    ("mappings", "said"),
    [
        ([], "no contact field"),
        ([mapping("subject", 3, table=TASKS)], "no contact field"),
        ([mapping("jobtitle", 1), mapping("pager", 0)], "1 not synchronized, 1 to Outlook"),
        ([mapping("jobtitle", 3), mapping("pager", 7)], "1 in an unknown direction"),
    ],
)
def test_missing_or_unusable_directions_cause_warning(mappings, said) -> None:
    with answering(with_mappings(*mappings)) as context:
        found = answer_of("directions", context)

    assert (found.level, said in found.answer) == (Level.WARNING, True)


def test_directions_are_unknown_if_reading_is_refused() -> None:
    with answering({"WhoAmI": WHO_AM_I}, fails=("RetrievePrincipalSync",)) as context:
        for check_id in ("directions", "directions.allowed"):
            assert answer_of(check_id, context).level is Level.UNKNOWN


@pytest.mark.parametrize(("full_name", "level"), [(0, Level.OK), (3, Level.WARNING), (None, Level.UNKNOWN)])
def test_allowed_directions_of_two_fields_are_compared(full_name, level) -> None:
    with answering(with_mappings(mapping("jobtitle", 3), mapping("fullname", 3, allowed=full_name))) as context:
        assert answer_of("directions.allowed", context).level is level


@pytest.mark.parametrize(
    ("read_back", "level"),
    [(Direction.TO_OUTLOOK, Level.OK), (Direction.BOTH, Level.WARNING)],
)
@pytest.mark.parametrize("keeps_versions", [True, False])
def test_writing_probe_is_judged_by_reading_back(read_back, level, keeps_versions) -> None:
    stored = {"@odata.etag": 'W/"1"', "syncattributemappingid": CONTACT, "syncdirection": 1}
    answers = with_mappings(mapping("fullname", 3), mapping("jobtitle", 1))
    answers |= {"$batch": rewritten(read_back), "syncattributemappings(": stored}
    answers |= {"EntityDefinitions": TABLE | {"IsOptimisticConcurrencyEnabled": keeps_versions}}

    with answering(answers) as context:
        context.probes_writes = True
        found = answer_of("directions.writing", context)

    assert (found.level, "Jobtitle" in found.tried) == (level, True)


def test_refused_writing_probe_causes_warning(ask: Ask, company: World) -> None:
    clients.check_organization(clients.crm().who_am_i().organization_id)

    found = ask("directions.writing", probes_writes=True)

    assert (found.level, "501" in found.answer) == (Level.WARNING, True)
    assert company.ledger() == []


def test_direction_is_written_only_on_request(ask: Ask, company: World) -> None:
    found = ask("directions.writing")

    assert (found.level, "--probe-writes" in found.command) == (Level.UNKNOWN, True)
    assert company.ledger() == []


def test_read_only_connection_writes_no_direction(ask: Ask, company: World, settings) -> None:
    settings.CRM_ENABLE_WRITES = False
    clients.check_organization(clients.crm().who_am_i().organization_id)

    assert ask("directions.writing", probes_writes=True).level is Level.UNKNOWN
    assert company.ledger() == []


def test_directions_of_sandbox_are_read(ask: Ask) -> None:
    found = ask("directions")

    assert found.level is Level.OK
    assert "Job Title: both ways" in found.items
