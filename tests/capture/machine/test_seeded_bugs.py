"""Proof that random sequences find each bug that is seeded into the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncapp.capture import chains, signature, sources, values
from syncapp.capture.chain_records import UNKNOWN, History, LiveState, Plan, Rules, Value, Writer
from tests.capture.machine.oracle import Violation
from tests.capture.machine.steps import run
from tests.capture.machine.world import Machine

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
ENOUGH = 150
Bug = Callable[[pytest.MonkeyPatch], None]


def _with_entries(patched: pytest.MonkeyPatch, change: Callable[[History], History]) -> None:
    honest = chains.make_plan

    def make_plan(history: History, live: LiveState | None, rules: Rules) -> Plan:
        return honest(change(history), live, rules)

    patched.setattr(chains, "make_plan", make_plan)


def first_original_is_restored(patched: pytest.MonkeyPatch) -> None:
    """Ignore writes by others in between."""
    _with_entries(
        patched,
        lambda history: replace(history, entries=[each for each in history.entries if each.writer is Writer.OUTLOOK]),
    )


def delegate_signs_every_entry(patched: pytest.MonkeyPatch) -> None:
    """Use the delegate of the contact's row for each of its entries."""
    patched.setattr(sources, "belongs_to", lambda row, entry, moments: True)
    patched.setattr(signature, "is_in_log", lambda capture: False)


def absent_means_empty(patched: pytest.MonkeyPatch) -> None:
    """Treat an unknown value as an empty one."""
    honest = values._value

    def value(*given: Any, **options: Any) -> tuple[Value, str]:
        found, label = honest(*given, **options)
        return (Value(None) if found == UNKNOWN else found), label

    patched.setattr(values, "_value", value)


def chain_begins_anew_after_crash(patched: pytest.MonkeyPatch) -> None:
    """Leave out entries that an earlier job handled."""
    _with_entries(
        patched,
        lambda history: replace(history, entries=[each for each in history.entries if not each.is_handled]),
    )


@pytest.mark.parametrize(
    "bug",
    [first_original_is_restored, delegate_signs_every_entry, absent_means_empty, chain_begins_anew_after_crash],
    ids=lambda bug: bug.__name__,
)
def test_seeded_bug_is_found(machine: Machine, monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    bug(monkeypatch)

    found = ""
    for seed in range(ENOUGH):
        try:
            run(machine, seed)
        except Violation as violation:
            found = str(violation).partition("\n")[0]
            break
    assert found, f"{ENOUGH} sequences did not find it"
