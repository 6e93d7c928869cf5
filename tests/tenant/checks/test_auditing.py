"""Auditing: switches, days kept, and the delay of the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from syncapp.connection import clients
from syncapp.tenant.checks.findings import Level
from tests.support.world import World
from tests.tenant.checks.conftest import Ask, answer_of, answering
from tests.tenant.checks.test_tables import TABLE

CONTACT = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def organization(**columns: Any) -> Mapping[str, Any]:
    row = {"organizationid": OTHER, "isauditenabled": True, "auditretentionperiodv2": 30, **columns}
    return {"organizations": {"value": [row]}}


def changed(contact: str, moment: str, **columns: Any) -> dict[str, Any]:
    return {"contactid": contact, "modifiedon": moment, "createdon": ago(1e6), **columns}


def entry(contact: str, moment: str, **columns: Any) -> dict[str, Any]:
    row = {"auditid": CONTACT, "createdon": moment, "operation": 2, "action": 2, "_objectid_value": contact}
    return row | columns


@pytest.mark.parametrize(("is_on", "level"), [(True, Level.OK), (False, Level.WARNING)])
def test_disabled_auditing_of_organization_is_reported(is_on, level) -> None:
    with answering(organization(isauditenabled=is_on)) as context:
        assert answer_of("auditing.organization", context).level is level


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (30, Level.OK, "30 days"),
        (-1, Level.OK, "forever"),
        (3, Level.WARNING, "3 days"),
        (None, Level.UNKNOWN, "does not say"),
    ],
)
def test_short_retention_is_reported(days, level, said) -> None:
    with answering(organization(auditretentionperiodv2=days)) as context:
        found = answer_of("auditing.days", context)

    assert found.level is level
    assert said in found.answer


@pytest.mark.parametrize(("is_on", "level"), [(True, Level.OK), (False, Level.WARNING)])
def test_disabled_auditing_of_contacts_is_reported(is_on, level) -> None:
    table = TABLE | {"IsAuditEnabled": {"Value": is_on, "CanBeChanged": True}}

    with answering({"EntityDefinitions": table}) as context:
        assert answer_of("auditing.contact", context).level is level


def test_columns_that_are_not_audited_are_named() -> None:
    def column(name: str, *, is_on: bool, may_change: bool = True) -> dict[str, Any]:
        return {"LogicalName": name, "IsAuditEnabled": {"Value": is_on, "CanBeChanged": may_change}}

    rows = [column("jobtitle", is_on=True), column("pager", is_on=False), column("fax", is_on=False, may_change=False)]

    with answering({"/Attributes": {"value": rows}}) as context:
        found = answer_of("auditing.columns", context)
    with answering({"/Attributes": {"value": rows[:1]}}) as context:
        fine = answer_of("auditing.columns", context)

    assert (found.level, set(found.items)) == (Level.WARNING, {"pager", "fax"})
    assert "locked by a managed solution: fax" in found.remedy
    assert fine.level is Level.OK


@pytest.mark.parametrize(
    ("changes", "entries", "level", "said"),
    [
        ([], [], Level.UNKNOWN, "no change to look for"),
        ([changed(CONTACT, ago(30))], [entry(CONTACT, ago(30))], Level.OK, "1 of the last 1"),
        ([changed(CONTACT, ago(30))], [], Level.WARNING, "0 of the last 1"),
        (
            [changed(CONTACT, ago(30)), changed(OTHER, ago(90))],
            [entry(CONTACT, ago(30))],
            Level.WARNING,
            "1 of the last 2 changes are in the log; one that is",
        ),
        ([changed(CONTACT, ago(1e5))], [entry(CONTACT, ago(1e5))], Level.UNKNOWN, "no change to look for"),
    ],
)
def test_delay_is_estimated_from_existing_entries(changes, entries, level, said) -> None:
    with answering({"/contacts": {"value": changes}, "/audits": {"value": entries}}) as context:
        found = answer_of("auditing.delay", context)

    assert found.level is level
    assert said in found.answer


@pytest.fixture
def audited(company: World) -> World:
    company.audit(enabled=True, delay_seconds=0)
    clients.check_organization(clients.crm().who_am_i().organization_id)
    company.begin_ledger()
    return company


def test_delay_measurement_resets_pager(ask: Ask, audited: World) -> None:
    contact = audited.contact()
    before = audited.value(contact, "pager")

    found = ask("auditing.delay", probes_writes=True, contact_id=contact)

    assert found.level is Level.OK
    assert "median" in found.answer
    assert audited.value(contact, "pager") == before
    assert len([entry for entry in audited.ledger("contact") if "pager" in entry["changes"]]) >= 4


def test_slow_log_ends_measurement_and_resets_pager(ask: Ask, audited: World) -> None:
    contact = audited.contact()
    before = audited.value(contact, "pager")
    audited.audit(delay_seconds=300)

    found = ask("auditing.delay", probes_writes=True, contact_id=contact, patience=1.5)

    assert (found.level, "no entry after" in found.answer) == (Level.WARNING, True)
    assert audited.value(contact, "pager") == before


def test_read_only_connection_measures_no_delay(ask: Ask, audited: World) -> None:
    clients.set_writes_allowed("review", allowed=False, by=None)

    assert ask("auditing.delay", probes_writes=True, contact_id=audited.contact()).level is Level.UNKNOWN
    assert audited.ledger("contact") == []


def test_unknown_test_contact_is_reported(ask: Ask, audited: World) -> None:
    found = ask("auditing.delay", probes_writes=True, contact_id=UUID(OTHER))

    assert (found.level, "no such contact" in found.answer) == (Level.UNKNOWN, True)


def test_auditing_switches_of_sandbox_are_read(ask: Ask, audited: World) -> None:
    for check_id in ("auditing.organization", "auditing.contact", "auditing.columns"):
        assert ask(check_id).level is Level.OK

    audited.audit(enabled=False)

    assert ask("auditing.organization").level is Level.WARNING
    assert ask("auditing.contact").level is Level.WARNING
