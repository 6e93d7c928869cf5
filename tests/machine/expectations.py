"""The decisions of reviewers, recorded by the test itself, so that the oracle does not rely on our own tables."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class ExpectedDecision:
    """One decision as its reviewer intended it; `expected` is the CRM's value that the form showed."""

    id: str
    field: str
    column: str
    by: str
    writes: bool
    value: str | None
    expected: str | None
    undone: bool = False


@dataclass(slots=True)
class Expectations:
    """All decisions that the portal confirmed to a reviewer, by id."""

    taken: dict[str, ExpectedDecision] = field(default_factory=dict)

    def add(self, decision: ExpectedDecision) -> None:
        """Record a decision."""
        self.taken[decision.id] = decision

    def undoable(self) -> list[ExpectedDecision]:
        """Return decisions that are not undone, newest first."""
        return [taken for taken in reversed(self.taken.values()) if not taken.undone]
