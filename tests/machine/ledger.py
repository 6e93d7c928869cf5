"""The sandbox's ledger: all committed writes, and the CRM's rows according to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dataverse_sandbox.config import APPLICATION_USER_ID

CONTACT, RECORD, FIELD = "contact", "osync_syncrecord", "osync_syncfield"
OPEN, DECIDED = 0, 1

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed write of one row; `changes` maps columns to old and new values."""

    seq: int
    transaction: int
    caller: str
    method: str
    table: str
    id: str
    changes: dict[str, list[Any]]
    plugin: bool

    def new(self, column: str) -> Any:
        """Return the column's new value; None if the write did not change it."""
        return self.changes.get(column, [None, None])[1]


@dataclass(frozen=True, slots=True)
class Transaction:
    """The writes of one transaction."""

    entries: tuple[Entry, ...]

    @property
    def is_ours(self) -> bool:
        """Return whether the portal's application user wrote it."""
        return all(entry.caller == APPLICATION_USER_ID for entry in self.entries)

    def of(self, table: str) -> list[Entry]:
        """Return the writes of one table."""
        return [entry for entry in self.entries if entry.table == table]


@dataclass(slots=True)
class Crm:
    """The CRM's rows according to the ledger; contacts start with their values before its first entry."""

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {CONTACT: {}, RECORD: {}, FIELD: {}})
    deleted: dict[str, set[str]] = field(default_factory=lambda: {CONTACT: set(), RECORD: set(), FIELD: set()})
    before: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))

    def apply(self, transaction: Transaction) -> None:
        """Apply the writes of a transaction."""
        for entry in transaction.entries:
            if entry.method == "DELETE":
                self.rows[entry.table].pop(entry.id, None)
                self.deleted[entry.table].add(entry.id)
            else:
                row = self.rows[entry.table].setdefault(entry.id, {})
                for column, (old, _) in entry.changes.items():
                    self.before[entry.id, column].append((entry.seq, old))
                row |= {column: new for column, (_, new) in entry.changes.items()}

    def held_since(self, seq: int, contact_id: str, column: str) -> list[Any]:
        """Return all values that a contact's column had since that ledger entry."""
        earlier = [old for changed_at, old in self.before[contact_id, column] if changed_at > seq]
        return [*earlier, self.rows[CONTACT].get(contact_id, {}).get(column)]

    def fields(self) -> dict[str, Row]:
        """Return the staged fields by id, in the order of staging."""
        return self.rows[FIELD]

    def open_fields(self) -> list[str]:
        """Return the ids of staged fields that wait for a decision."""
        return [pk for pk, row in self.fields().items() if row["statecode"] == OPEN]

    def contact_of(self, field_id: str) -> str:
        """Return the contact of a staged field."""
        return str(self.record_of(field_id)["osync_targetid"])

    def record_of(self, field_id: str) -> Row:
        """Return the edit of a staged field."""
        return self.rows[RECORD][self.fields()[field_id]["osync_syncrecord"].rpartition(":")[2]]

    def editor_of(self, field_id: str) -> str:
        """Return the user who made the edit."""
        return str(self.record_of(field_id)["osync_editor"]).rpartition(":")[2]


@dataclass(slots=True)
class Ledger:
    """Reads the ledger transaction by transaction."""

    fetch: Callable[[int], list[dict[str, Any]]]
    seq: int = 0

    def read_new(self) -> Iterator[Transaction]:
        """Yield the transactions since the last call."""
        entries = [_entry(raw) for raw in self.fetch(self.seq)]
        for _, together in groupby(entries, key=lambda entry: entry.transaction):
            transaction = Transaction(tuple(together))
            self.seq = transaction.entries[-1].seq
            yield transaction


def _entry(raw: dict[str, Any]) -> Entry:
    return Entry(**{name: raw[name] for name in Entry.__slots__})
