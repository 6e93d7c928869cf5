"""The test oracle: derives from the CRM's ledger who wrote each value, and which value each column should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dataverse_sandbox import config
from dataverse_sandbox.catalog.staging import APPROVED

CONTACT, RECORD, FIELD = "contact", "osync_syncrecord", "osync_syncfield"
COLUMNS = ("jobtitle", "department")
OUTLOOK, OURS, OTHER = "outlook", "ours", "other"
# A person who assigns, deactivates or merges a contact saw its values and accepts them.
_ENDS = {"ownerid", "statecode"}
RESTORING = "osync-capture-"  # the tag of staging; deliveries have another one


class Violation(AssertionError):
    """Something was lost, done twice, or attributed to the wrong person."""


@dataclass(slots=True)
class Held:
    """A column of a contact: its value, who wrote it, and its value without the unapproved ones from Outlook.

    `outlooks` are the values from Outlook since the last value by another writer.
    """

    value: str | None
    legitimate: str | None
    writer: str = OTHER
    outlooks: set[str | None] = field(default_factory=set)


@dataclass(slots=True)
class Edit:
    """One edit in Outlook: its values, and the legitimate ones before it. `fresh` are columns with a new value."""

    contact: str
    changes: dict[str, str | None] = field(default_factory=dict)
    before: dict[str, str | None] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)


class Oracle:
    """Follows the ledger.

    `has_late`: the portal could not read some entries when they happened. `is_flawless`: it could read all of them, and
    all values. `is_paused`: it lets through what Outlook saves.
    """

    def __init__(self, contacts: Mapping[str, Mapping[str, Any]]) -> None:
        self.held: dict[tuple[str, str], Held] = {
            (key, column): Held(row[column], row[column]) for key, row in contacts.items() for column in COLUMNS
        }
        self.has_late, self.is_flawless, self.is_paused = False, True, False
        self.gone: set[str] = set()
        self.created: Counter[str] = Counter()
        self.restores = 0
        self._fields: dict[str, dict[str, Any]] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._edits: dict[int, Edit] = {}
        self._named: dict[str, Edit] = {}
        self._values: set[str | None] = set()

    def follow(self, entries: list[dict[str, Any]], *, is_lost: bool = False) -> None:
        """Apply and judge new entries of the ledger; `is_lost`: their audit entries are missing forever."""
        of_contacts = [entry for entry in entries if entry["table"] == CONTACT]
        writes = {entry["transaction"] for entry in of_contacts}
        ends = {entry["transaction"] for entry in of_contacts if not _ENDS.isdisjoint(entry["changes"])}
        for entry in entries:
            if entry["table"] == RECORD:
                self._record(entry)
            elif entry["table"] == FIELD:
                self._field(entry, has_write=entry["transaction"] in writes)
            elif entry["table"] == CONTACT:
                self._contact(entry, is_lost=is_lost, ends=entry["transaction"] in ends)

    def name_edits(self, keys: Iterable[UUID]) -> None:
        """Note the audit entries of the newest edit."""
        if self._edits and not self.is_paused:
            newest = self._edits[max(self._edits)]
            self._named |= {str(key): newest for key in keys}

    def check_edit(self, key: UUID, *, proposals: bool) -> None:
        """Check the staged fields of an edit. Raises Violation."""
        record = next(pk for pk, row in self._records.items() if row["osync_operationid"] == str(key))
        edit = self._named.get(str(key))
        if edit is None:
            if self._records[record]["osync_restored"]:
                raise Violation("an edit made during a pause was restored after it")
            return
        rows = [row for row in self._fields.values() if str(row["osync_syncrecord"]).endswith(record)]
        staged = {str(row["osync_name"]): row for row in rows}
        if not staged.keys() <= edit.changes.keys():
            raise Violation(f"{sorted(staged)} staged of {edit}")
        for column, row in staged.items():
            if proposals and row.get("osync_proposedvalue") != edit.changes[column]:
                raise Violation(f"{row.get('osync_proposedvalue')!r} staged of {edit}")
            if self.is_flawless and row.get("osync_originalvalue") != edit.before[column]:
                raise Violation(f"{row.get('osync_originalvalue')!r} staged as the original of {edit}")
        if self.is_flawless and edit.fresh - staged.keys():
            raise Violation(f"{sorted(edit.fresh - staged.keys())} of {edit} was not staged")

    def check_values(self) -> None:
        """Check that each column is legitimate, or that a staged edit proposes its value. Raises Violation."""
        for (contact, column), held in self.held.items():
            if contact in self.gone or held.value == held.legitimate:
                continue
            if not self._is_told(contact, column, held.value):
                raise Violation(f"{column} of {contact[:8]} is {held.value!r} instead of {held.legitimate!r}")

    def _is_told(self, contact: str, column: str, value: str | None) -> bool:
        for row in self._fields.values():
            record = self._records[str(row["osync_syncrecord"]).rpartition(":")[2]]
            of = record["osync_targetid"], row["osync_name"], row.get("osync_proposedvalue")
            if of == (contact, column, value) and not record["osync_restored"]:
                return True
        return False

    def _record(self, entry: dict[str, Any]) -> None:
        new = {name: pair[1] for name, pair in entry["changes"].items()}
        row = self._records.setdefault(entry["id"], {})
        row |= new
        if entry["method"] == "POST" or "osync_operationid" in new:
            self.created[str(new.get("osync_operationid"))] += 1
            if self.created[str(new.get("osync_operationid"))] > 1:
                raise Violation("one edit was staged twice")

    def _field(self, entry: dict[str, Any], *, has_write: bool) -> None:
        new = {name: pair[1] for name, pair in entry["changes"].items()}
        row = self._fields.setdefault(entry["id"], {})
        row |= new
        if new.get("osync_decision") != APPROVED or has_write:
            return
        # Approving a value that was never taken out of the CRM only marks it: it is legitimate from now on.
        record = self._records[str(row["osync_syncrecord"]).rpartition(":")[2]]
        held = self.held.get((str(record["osync_targetid"]), str(row["osync_name"])))
        if held is not None and held.value == row.get("osync_proposedvalue"):
            held.legitimate, held.writer = held.value, OURS
            held.outlooks.clear()

    def _contact(self, entry: dict[str, Any], *, is_lost: bool, ends: bool) -> None:
        if entry["method"] == "DELETE":
            self.gone.add(entry["id"])
            return
        for column in COLUMNS:
            held = self.held.setdefault((entry["id"], column), Held(None, None))
            if column in entry["changes"]:
                self._write(entry, column, held, is_lost=is_lost)
            if ends:
                held.legitimate = held.value
                held.outlooks.clear()

    def _write(self, entry: dict[str, Any], column: str, held: Held, *, is_lost: bool) -> None:
        old, new = entry["changes"][column]
        caller, is_new = entry["caller"], new not in self._values and new != held.legitimate
        self._values.add(new)
        if caller == config.SYNCHRONIZATION.user_id and not (is_lost or self.is_paused):
            edit = self._edits.setdefault(entry["transaction"], Edit(entry["id"]))
            edit.changes[column], edit.before[column] = new, held.legitimate
            edit.fresh |= {column} if is_new else set()
            held.value, held.writer = new, OUTLOOK
            held.outlooks.add(new)
        elif caller == config.APPLICATION_USER_ID and str(entry["tag"]).startswith(RESTORING):
            self._restore(f"{column} of {entry['id'][:8]}", held, old, new)
        else:
            held.value = held.legitimate = new
            held.writer = OURS if caller == config.APPLICATION_USER_ID else OTHER
            held.outlooks.clear()

    def _restore(self, place: str, held: Held, old: str | None, new: str | None) -> None:
        if held.writer != OUTLOOK:
            raise Violation(f"{place}: {old!r} by another writer was lost to a restore of {new!r}")
        if new != held.legitimate and not (self.has_late and new in held.outlooks):
            raise Violation(f"{place}: {new!r} was restored instead of {held.legitimate!r}")
        held.value, held.writer = new, OURS if new == held.legitimate else OUTLOOK
        self.restores += 1
