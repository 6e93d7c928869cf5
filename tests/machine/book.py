"""What people decided, written down by the test itself, so that the ledger is not judged by our own tables."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Taken:
    """One decision as its reviewer meant it; `expected` is the CRM's value that the reviewer was shown."""

    id: str
    field: str
    column: str
    by: str
    writes: bool
    value: str | None
    expected: str | None
    undone: bool = False


@dataclass(slots=True)
class Book:
    """Every decision that the portal confirmed to a reviewer, by id."""

    taken: dict[str, Taken] = field(default_factory=dict)

    def enter(self, decision: Taken) -> None:
        """Write it down."""
        self.taken[decision.id] = decision

    def undoable(self) -> list[Taken]:
        """What somebody might want to take back, newest first."""
        return [taken for taken in reversed(self.taken.values()) if not taken.undone]
