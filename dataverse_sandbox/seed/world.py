"""All rows of a world, table by table, referenced rows first."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from random import Random

from dataverse_sandbox import config
from dataverse_sandbox.catalog import ACCOUNT, CONTACT, SYNC_FIELD, SYNC_RECORD, SYSTEM_USER, Table
from dataverse_sandbox.config import World
from dataverse_sandbox.seed import company, edits, mappings, material, synchronization
from dataverse_sandbox.seed.edits import SeedContext
from dataverse_sandbox.store import Row

TableRow = tuple[Table, Row]
_LONG = datetime.timedelta(days=1_000)


def rows_of(world: World, base: datetime.datetime) -> Iterator[TableRow]:
    """Return every row without its version; plan the contacts' edits first, so that each finds its original value."""
    random = Random(world.seed)  # noqa: S311 - believable data, not secrets
    people = material.users(random, world.users, base - _LONG, seed=world.seed)
    accounts = material.companies(random, world.contacts, base - _LONG)
    contacts = material.contacts(random, world.contacts, accounts, people[1:], base)
    company.vary(people)
    units = {str(row["systemuserid"]): row["businessunitid"] for row in people}
    plans = edits.plan(contacts, world.pending)
    edits.prepare(plans)
    yield from _fixed_rows(base - _LONG)
    yield from _with_owning_unit(units, _company(people, world, base))
    for table, found in ((SYSTEM_USER, people), (ACCOUNT, accounts), (CONTACT, contacts)):
        yield from _with_owning_unit(units, ((table, row) for row in found))
    names = {str(row["accountid"]): str(row["name"]) for row in accounts}
    context = SeedContext(random, tuple(accounts), tuple(people[1:]), names)
    for record, fields in edits.staged(plans, context, base):
        yield SYNC_RECORD, record
        yield from ((SYNC_FIELD, field) for field in fields)


@lru_cache(maxsize=2)
def _fixed_rows(long_ago: datetime.datetime) -> tuple[TableRow, ...]:
    """Return the rows that are the same in every world: organization, roles, messages, system views."""
    return (
        *material.fixed_rows(long_ago),
        *company.security(long_ago),
        *company.components(long_ago),
        *synchronization.system_views(long_ago),
        *mappings.mappings(long_ago),
    )


def _company(people: list[Row], world: World, base: datetime.datetime) -> Iterator[TableRow]:
    """Return teams, mailboxes, filters and meetings, drawn from a separate random generator."""
    apart = Random(f"company {world.seed}")  # noqa: S311 - believable data, not secrets
    yield from company.roles_and_teams(apart, people, base - _LONG)
    yield from synchronization.mailboxes(apart, people, base - _LONG)
    yield from synchronization.filters(apart, people, world.filters, base - _LONG)
    yield from synchronization.meetings(apart, people, base)


def _with_owning_unit(units: Mapping[str, object], found: Iterable[TableRow]) -> Iterator[TableRow]:
    """Return the rows with the business unit of their owner; teams belong to the topmost."""
    for table, row in found:
        if "owningbusinessunit" in row:
            row["owningbusinessunit"] = units.get(str(row["ownerid"]), config.BUSINESS_UNIT_ID)
        yield table, row
