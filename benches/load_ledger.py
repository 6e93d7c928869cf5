"""The result of a load test: the portal's decisions compared with the sandbox's ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from dataverse_sandbox.config import APPLICATION_USER_ID

_DECISIONS = """
    SELECT d.id::text, d.field_id::text, f.record_id::text, d.target_id::text, f.column_name, d.state, d.writes
    FROM syncapp_decision AS d JOIN syncapp_syncfield AS f ON f.id = d.field_id WHERE d.kind = 'review'
"""
IN_THE_CRM = ("written", "already")


@dataclass(slots=True)
class Account:
    """The number of decisions, in total and by state, and the writes that are missing or were made twice."""

    decisions: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)


def judge(database: str, ledger: Iterable[Mapping[str, Any]], approved: Iterable[str]) -> Account:
    """Compare every decision with the ledger; `approved` are the edits whose approval was confirmed to a reviewer."""
    with psycopg.connect(database) as connection:
        decisions = connection.execute(_DECISIONS.encode()).fetchall()
    marks, values = _written(ledger)
    account = Account(len(decisions), states=Counter(state for *_, state, _writes in decisions))
    for decision, field_id, _record, contact, column, state, writes in decisions:
        found = marks[field_id]
        if decision not in found and state in IN_THE_CRM:
            account.lost.append(f"mark of field {field_id}")
        if len(found) > 1:
            account.twice.append(f"mark of field {field_id}")
        wanted = int(bool(writes) and state == "written")
        times = values[contact, column]
        if times < wanted:
            account.lost.append(f"{column} of contact {contact}")
        if times > 1:
            account.twice.append(f"{column} of contact {contact}")
    decided = {record for _, _, record, *_ in decisions}
    account.lost += [f"decisions of edit {record}" for record in approved if record not in decided]
    return account


def _written(ledger: Iterable[Mapping[str, Any]]) -> tuple[defaultdict[str, list[str]], Counter[tuple[str, str]]]:
    """Return the decisions' ids by field, and how often each column of a contact was written."""
    marks: defaultdict[str, list[str]] = defaultdict(list)
    values: Counter[tuple[str, str]] = Counter()
    for line in ledger:
        if line["caller"] != APPLICATION_USER_ID:
            continue
        if "osync_decisionid" in line["changes"]:
            marks[line["id"]].append(line["changes"]["osync_decisionid"][1])
        if line["table"] == "contact":
            values.update((line["id"], column) for column in line["changes"])
    return marks, values
