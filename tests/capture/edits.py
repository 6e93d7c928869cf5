"""Short notation for the entries of one contact: "outlook A>B" at a second, about the telephone unless named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from syncapp.capture.chain_records import UNKNOWN, Change, Entry, History, LiveState, Plan, Rules, Value, Writer
from syncapp.capture.chains import make_plan

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
PHONE = "telephone1"
RITA, OLE = UUID(int=1), UUID(int=2)


def value(text: str) -> Value:
    """Return the value that a letter stands for: "?" is unknown, "-" empty."""
    return UNKNOWN if text == "?" else Value(None if text == "-" else text)


def entry(number: int, written: str, *, at: float | None = None, **columns: Any) -> Entry:
    """Return the entry "writer old>new"; its id and, unless given, its second are its number."""
    writer, _, change = written.partition(" ")
    old, arrow, new = change.partition(">")
    changes = {columns.pop("column", PHONE): Change(value(old), value(new))} if arrow else {}
    second = number if at is None else at
    kind = {"restore": Writer.OURS, "ends": Writer.OTHER}.get(writer) or Writer(writer)
    return Entry(
        uuid5(RITA, str(number)),
        START + timedelta(seconds=second),
        kind,
        changes,
        is_restore=writer == "restore",
        ends_baselines=writer == "ends",
        **{"editor": RITA, **columns},
    )


def entries(*written: str) -> list[Entry]:
    """Return entries one second apart."""
    return [entry(number, each) for number, each in enumerate(written, start=1)]


def same(column: str, one: str | None, other: str | None) -> bool:
    return (one or None) == (other or None)


def rules(*, after: float = 60, **given: Any) -> Rules:
    return Rules(**{"now": START + timedelta(seconds=after), "same": same, **given})


def plan_of(found: list[Entry], present: str | None, *, after: float = 60, **given: Any) -> Plan:
    """Return the plan where the telephone's present value is `present`; None: the contact is deleted."""
    limits = {name: given.pop(name) for name in list(given) if name in Rules.__dataclass_fields__}
    live = given.pop("live", None if present is None else LiveState({PHONE: value(present).text}))
    return make_plan(History(found, **given), live, rules(after=after, **limits))


def staged(plan: Plan) -> list[tuple[str, str, str]]:
    """Return each staged change as original, proposed and outcome."""
    return [
        (
            (change.original.text or "-") if change.original.is_known else "?",
            change.proposed or "-",
            str(change.outcome),
        )
        for edit in plan.staged
        for change in edit.changes
    ]
