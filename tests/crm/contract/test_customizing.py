"""Definitions as the set-up reads them, in the configured environment or the sandbox.

Nothing here writes, so these tests also run in a real environment. `tests/tenant/setup` tests the writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from syncapp.crm.client import CrmClient
from syncapp.crm.customizing.reads import CustomizingReads, table_path
from syncapp.crm.customizing.writes import CustomizingWrites
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import Lane, Limits
from syncapp.crm.transport import Transport
from tests.crm.contract import real as environments
from tests.crm.contract.real import IS_REAL, Environment

SETUP = Path(__file__).parents[3] / "syncapp/tenant/setup"
NOTHING = "osync_contract_nothing"

READS: dict[str, Callable[[CustomizingReads], object]] = {
    "signed_in_user": lambda reads: reads.signed_in_user(),
    "language": lambda reads: reads.language(),
    "auditing": lambda reads: reads.auditing(),
    "publisher": lambda reads: reads.publisher(NOTHING),
    "solution": lambda reads: reads.solution("Default"),
    "solutions_of": lambda reads: reads.solutions_of(UUID(int=1)),
    "components": lambda reads: reads.components(UUID(int=1)),
    "table_id": lambda reads: reads.table_id(NOTHING),
    "column_ids": lambda reads: reads.column_ids("contact"),
    "key_ids": lambda reads: reads.key_ids("contact"),
    "relationship_ids": lambda reads: reads.relationship_ids("contact"),
    "definition": lambda reads: reads.definition(table_path("contact")),
    "top_unit": lambda reads: reads.top_unit(),
    "role": lambda reads: reads.role(NOTHING, reads.top_unit()),
    "privileges_of": lambda reads: [reads.privileges_of(role) for role in _roles(reads)],
    "privileges": lambda reads: reads.privileges(["prvReadContact", "prvNothing"]),
    "web_resource": lambda reads: reads.web_resource(NOTHING),
    "has_open_rows": lambda reads: reads.has_open_rows("contacts"),
}


def _roles(reads: CustomizingReads) -> list[UUID]:
    """Return the role System Administrator, which every environment has."""
    found = reads.role("System Administrator", reads.top_unit())
    return [found.id] if found else []


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Transport:
    if IS_REAL:
        environment = environments.configured()
    else:
        cloud = request.getfixturevalue("cloud")
        environment = Environment(cloud.url, cloud.signed_in)
    return Transport(
        origin=environment.origin,
        token_source=environment.tokens,
        rate_limiter=InProcessLimiter(Limits()),
        lane=Lane.BULK,
    )


def public(kind: type[object]) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


@pytest.mark.parametrize("name", READS)
def test_definitions_can_be_read(transport: Transport, name: str) -> None:
    READS[name](CustomizingReads(transport))


def test_read_cases_cover_every_method() -> None:
    assert public(CustomizingReads) == set(READS)


def test_setup_uses_every_write() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(SETUP.glob("*.py")))

    assert {name for name in public(CustomizingWrites) if not re.search(rf"\.{name}\b", source)} == set()


def test_reading_unknown_contact_without_revision_finds_none(transport: Transport) -> None:
    client = CrmClient(transport=transport)
    us = client.who_am_i().user_id

    found = client.read_for_delivery(table="contact", contact_id=us, columns=[], record_ids=[], with_revision=False)

    assert found.contact is None
