"""One log line for each decision, with ids only, to find decisions that a restored database has lost."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from syncapp.models import Decision
from syncapp.models.review.decision import Kind, Outcome

log = logging.getLogger(__name__)

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DECIDED_LINE = re.compile(
    rf"decision (?P<id>{_ID}) taken: field (?P<field>{_ID}), (?P<kind>\w+) (?P<outcome>\w+), "
    rf"by (?P<who>person|rule) (?P<who_id>[0-9a-f-]+), at (?P<at>[0-9T:.+-]+)"
)
_POSSIBLE_DECISIONS = {
    (Kind.REVIEW, Outcome.APPROVED),
    (Kind.REVIEW, Outcome.REJECTED),
    (Kind.PUT_BACK, Outcome.REJECTED),
    (Kind.AFTER_ALL, Outcome.APPROVED),
}
_UNDONE_LINE = re.compile(rf"decision (?P<id>{_ID}) undone")


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision as the log names it, by a person or a rule; `person` is an Entra object id."""

    id: UUID
    field_id: UUID
    kind: str
    outcome: str
    at: datetime
    person: UUID | None = None
    rule: UUID | None = None


def log_decided(decisions: Sequence[Decision]) -> None:
    """Log each decision once its transaction is committed."""
    lines = []
    for each in decisions:
        by = f"person {each.decided_by.oid}" if each.decided_by is not None else f"rule {each.rule_id}"
        lines.append((each.pk, each.field_id, each.kind, each.outcome, by, each.decided_at.isoformat()))

    def write() -> None:
        for line in lines:
            log.info("decision %s taken: field %s, %s %s, by %s, at %s", *line)

    transaction.on_commit(write)


def log_undone(decision: Decision) -> None:
    """Log that a decision was undone, once its transaction is committed."""
    pk = decision.pk
    transaction.on_commit(lambda: log.info("decision %s undone", pk))


def parse(lines: Iterable[str]) -> list[LoggedDecision]:
    """Return the decisions in these log lines, each once, except those that were undone."""
    found: dict[UUID, LoggedDecision] = {}
    undone: set[UUID] = set()
    for line in lines:
        if match := _UNDONE_LINE.search(line):
            undone.add(UUID(match["id"]))
        if not (match := _DECIDED_LINE.search(line)):
            continue
        try:
            who, at = {match["who"]: UUID(match["who_id"])}, datetime.fromisoformat(match["at"])
        except ValueError:
            continue  # only looks like one of our lines
        kind, outcome = match["kind"], match["outcome"]
        if at.tzinfo is not None and (kind, outcome) in _POSSIBLE_DECISIONS:
            pk = UUID(match["id"])
            found[pk] = LoggedDecision(pk, UUID(match["field"]), kind, outcome, at, **who)
    return [decision for pk, decision in found.items() if pk not in undone]
