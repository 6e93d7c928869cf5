"""One line of the log for each decision, with ids alone: the trace of those that a restored database has lost."""

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
_TAKEN = re.compile(
    rf"decision (?P<id>{_ID}) taken: field (?P<field>{_ID}), (?P<kind>\w+) (?P<outcome>\w+), "
    rf"by (?P<who>person|rule) (?P<who_id>[0-9a-f-]+), at (?P<at>[0-9T:.+-]+)"
)
_STEPS = {
    (Kind.REVIEW, Outcome.APPROVED),
    (Kind.REVIEW, Outcome.REJECTED),
    (Kind.PUT_BACK, Outcome.REJECTED),
    (Kind.AFTER_ALL, Outcome.APPROVED),
}
_UNDONE = re.compile(rf"decision (?P<id>{_ID}) undone")


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision as the log names it, taken by a rule or by the `person` with this Entra object id."""

    id: UUID
    field_id: UUID
    kind: str
    outcome: str
    at: datetime
    person: UUID | None = None
    rule: UUID | None = None


def log_decided(decisions: Sequence[Decision]) -> None:
    """Write a line for each decision once its transaction is committed."""
    lines = [(each.pk, each.field_id, each.kind, each.outcome, _who(each), each.decided_at) for each in decisions]
    transaction.on_commit(lambda: _write_taken(lines))


def log_undone(decision: Decision) -> None:
    """Write a line for a decision that was undone once its transaction is committed."""
    pk = decision.pk
    transaction.on_commit(lambda: log.info("decision %s undone", pk))


def parse(lines: Iterable[str]) -> list[LoggedDecision]:
    """Return the decisions that these lines of any log name, but for those that were undone; each once."""
    found: dict[UUID, LoggedDecision] = {}
    undone: set[UUID] = set()
    for line in lines:
        if match := _TAKEN.search(line):
            taken = _taken(match)
            if taken is not None:
                found[taken.id] = taken
        elif match := _UNDONE.search(line):
            undone.add(UUID(match["id"]))
    return [taken for pk, taken in found.items() if pk not in undone]


def _write_taken(lines: Sequence[tuple[object, ...]]) -> None:
    for pk, field_id, kind, outcome, who, at in lines:
        log.info("decision %s taken: field %s, %s %s, by %s, at %s", pk, field_id, kind, outcome, who, _iso(at))


def _iso(at: object) -> str:
    return at.isoformat() if isinstance(at, datetime) else ""


def _who(decision: Decision) -> str:
    if decision.decided_by is not None:
        return f"person {decision.decided_by.oid}"
    return f"rule {decision.rule_id}"


def _taken(match: re.Match[str]) -> LoggedDecision | None:
    try:
        who = {match["who"]: UUID(match["who_id"])}
        at = datetime.fromisoformat(match["at"])
    except ValueError:
        return None  # a line that only looks like one of ours
    if at.tzinfo is None or (match["kind"], match["outcome"]) not in _STEPS:
        return None
    return LoggedDecision(UUID(match["id"]), UUID(match["field"]), match["kind"], match["outcome"], at, **who)
