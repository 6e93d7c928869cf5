"""All checks together: the exit status of `manage.py crm_check`, and a failing check that does not end the others."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from syncapp.connection import clients
from syncapp.tenant.checks import run
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Answer, Check, Level
from tests.support.world import World

KEYS = {"id", "level", "tried", "answer", "means", "do"}


def test_complete_crm_passes_all_checks(company: World, capsys) -> None:
    call_command("crm_check")

    printed = capsys.readouterr().out
    assert printed.startswith("Filters work. Reviewing works.\n")
    assert f"\n{len(run.all_checks(clients.names()))} checks in " in printed
    assert "MISSING" not in printed
    assert company.ledger() == [], "nothing is written"


def test_checks_of_bare_crm_list_missing_parts(company: World, capsys) -> None:
    company.bare()

    with pytest.raises(CommandError, match=r"2 of \d+ checks failed") as ended:
        call_command("crm_check")

    printed = capsys.readouterr().out
    assert ended.value.returncode == 1
    assert "Filters work. Reviewing needs 2 things." in printed
    assert "MISSING    Staging tables: osync_syncrecord, osync_syncfield not found" in printed
    assert "Do: Create them." in printed
    assert company.ledger() == []


def test_findings_are_printed_as_json(company: World, capsys) -> None:
    call_command("crm_check", "--json")

    document = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in document["findings"]] == [each.id for each in run.all_checks(clients.names())]
    assert all(set(each) >= KEYS for each in document["findings"])
    assert {each["level"] for each in document["findings"]} <= set(Level)


def test_contact_option_needs_writing_probes(company: World) -> None:
    with pytest.raises(CommandError, match="--contact needs --probe-writes"):
        call_command("crm_check", "--contact", str(company.contact()))


def test_silent_crm_leaves_other_checks_unknown(company: World) -> None:
    company.faults({"cut": "before_commit"})
    context = Context(clients.crm(), clients.names())

    result = run.run_checks(context)

    levels = {finding.check.id: finding.answer.level for finding in result.findings}
    assert levels["who-we-are"] is Level.FAILED
    asking = [check.id for check in run.all_checks(clients.names()) if check.asks_crm][2:]
    assert {levels[check_id] for check_id in asking} == {Level.UNKNOWN}
    assert run.values_to_match(context)["Organization id"] == ""


def test_failing_check_becomes_a_finding(company: World) -> None:
    def broken(_context: Context) -> Answer:
        raise ValueError("of an unforeseen kind")

    answer, error = run.run_check(Check("x", "X", "X", "X", broken), Context(clients.crm(), clients.names()))

    assert (answer.level, answer.answer, error) == (Level.UNKNOWN, "unexpected error (ValueError)", None)
