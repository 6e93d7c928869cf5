"""The CRM's audit log as the portal sees it: late, out of order, twice, cut off, or without some entries."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from syncapp.crm import contact_changes
from syncapp.crm.audits.reads import Audits
from syncapp.crm.audits.records import AuditDetails, AuditEntry
from syncapp.crm.contact_changes import ContactChange
from syncapp.crm.errors import CrmError
from syncapp.crm.paging import Page
from tests.capture.machine.clock import Clock

# The clocks of the CRM and the portal are the same, so no entry is older than this.
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_CUT_OFF = "x" * 5_000


class Flaw(StrEnum):
    """One way in which an entry differs from the actual change."""

    NONE = ""
    LATE = "late"  # missing until it appears
    MISSING = "missing"  # missing forever
    OLD_CUT = "old value cut off"
    NEW_CUT = "new value cut off"


@dataclass(slots=True)
class Log:
    """The entries' flaws by their ids; `is_mixed`: pages come out of order and with entries twice."""

    clock: Clock
    flaws: dict[UUID, Flaw] = field(default_factory=dict)
    is_mixed: bool = False
    rng: random.Random = field(default_factory=random.Random)

    def appear(self) -> None:
        """Let late entries appear."""
        self.flaws = {key: flaw for key, flaw in self.flaws.items() if flaw is not Flaw.LATE}

    def is_hidden(self, key: UUID) -> bool:
        return self.flaws.get(key) in (Flaw.LATE, Flaw.MISSING)

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """Put the flaws between the portal and the CRM."""
        entries, details, change = Audits.entries, Audits.details_of, contact_changes._change
        patched.setattr(Audits, "entries", self._entries(entries))
        patched.setattr(Audits, "details_of", self._details(details))
        patched.setattr(contact_changes, "_change", self._change(change))

    def _entries(self, honest: Callable[..., Page[AuditEntry]]) -> Callable[..., Page[AuditEntry]]:
        def entries(audits: Audits, table: str, *, since: datetime, **options: Any) -> Page[AuditEntry]:
            page = honest(audits, table, since=_BEGINNING, **options)
            found = [
                replace(row, created_on=self.clock.moment_of_entry(row.id, row.created_on))
                for row in page.rows
                if row.created_on is not None and not self.is_hidden(row.id)
            ]
            found = [
                row for row in found if row.created_on is not None and row.created_on >= since.replace(microsecond=0)
            ]
            if self.is_mixed:
                self.rng.shuffle(found)
            return replace(page, rows=tuple(found))

        return entries

    def _details(self, honest: Callable[..., Any]) -> Callable[..., Any]:
        def details(audits: Audits, entry_ids: Any, **options: Any) -> tuple[AuditDetails | CrmError, ...]:
            found = honest(audits, entry_ids, **options)
            return tuple(self._cut(key, each) for key, each in zip(entry_ids, found, strict=True))

        return details

    def _cut(self, key: UUID, found: AuditDetails | CrmError) -> AuditDetails | CrmError:
        flaw = self.flaws.get(key)
        if isinstance(found, CrmError) or flaw not in (Flaw.OLD_CUT, Flaw.NEW_CUT):
            return found

        def cut(row: Mapping[str, Any]) -> dict[str, Any]:
            return {name: _CUT_OFF if isinstance(text, str) and "@" not in name else text for name, text in row.items()}

        return replace(found, old=cut(found.old)) if flaw is Flaw.OLD_CUT else replace(found, new=cut(found.new))

    def _change(self, honest: Callable[[Any], ContactChange]) -> Callable[[Any], ContactChange]:
        def change(row: Any) -> ContactChange:
            found = honest(row)
            if found.modified_on is None or found.version is None:
                return found
            moment = self.clock.moment_of_version(found.version, found.modified_on)
            return replace(found, modified_on=moment)

        return change
