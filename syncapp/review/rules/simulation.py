"""Comparison of a rule with people's decisions: simulation of the past, and shadow mode."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import takewhile

from syncapp.models import Decision, Rule, RuleTrace, SyncField
from syncapp.models.review.decision import LIVE_STATES, DecisionState, Kind, Outcome
from syncapp.models.review.rule import RuleOutcome, RuleState
from syncapp.review import four_eyes
from syncapp.review.four_eyes import BlockReason

MAX_EXAMINED = 2000
_VALID_STATES = (*LIVE_STATES, DecisionState.WRITTEN, DecisionState.ALREADY)
_OUTCOMES = {RuleOutcome.APPROVE: Outcome.APPROVED, RuleOutcome.REJECT: Outcome.REJECTED}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that a person decided differently: `last` is that decision, `people` describes it."""

    last: Decision
    people: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """Counts: of `looked_at` fields, the rule would have decided `decided` and left `left` to people.

    Of `decided` (of `left`, for a rule that leaves edits to people), `taken` match an enabled rule before this one.
    """

    looked_at: int
    decided: int
    left: int
    differing: tuple[Difference, ...]
    taken: int = 0


def matches(rule: Rule, field: SyncField) -> bool:
    """Return whether all of the rule's conditions hold; `field.record` should be loaded."""
    return (
        (not rule.columns or field.column_name in rule.columns)
        and (not rule.kinds or field.change_kind in rule.kinds)
        and (not rule.editors or str(field.record.editor_id) in rule.editors)
    )


def simulate(rule: Rule) -> Simulation:
    """Apply the rule to the fields of people's last MAX_EXAMINED decisions, without changing anything."""
    decided_by_people = Decision.objects.filter(decided_by__isnull=False, state__in=_VALID_STATES)
    newest = decided_by_people.select_related("field__record", "decided_by").order_by("-decided_at")[:MAX_EXAMINED]
    history = _latest_by_field(newest)
    matching = [decision for decision in history if matches(rule, decision.field)]
    blocked = blocked_editors(rule, {decision.field.record.editor_id for decision in matching})
    is_deciding = rule.outcome != RuleOutcome.LEAVE
    decided = [decision for decision in matching if is_deciding and decision.field.record.editor_id not in blocked]
    differing = _differing(rule.outcome, decided)
    preceding = takewhile(lambda each: each.pk != rule.pk, Rule.objects.existing())
    enabled = [each for each in preceding if each.state == RuleState.ENABLED]
    taken = sum(any(matches(each, decision.field) for each in enabled) for decision in decided or matching)
    return Simulation(len(history), len(decided), len(matching) - len(decided), differing, taken=taken)


def _latest_by_field(newest_first: Iterable[Decision]) -> list[Decision]:
    last: dict[uuid.UUID, Decision] = {}
    for decision in newest_first:
        last.setdefault(decision.field_id, decision)
    return list(last.values())


def blocked_editors(rule: Rule, editor_ids: Collection[uuid.UUID | None]) -> dict[uuid.UUID | None, BlockReason]:
    """Return the editors whose edits the rule must leave to people, with the reason."""
    editors = four_eyes.load_editors(editor_ids)
    found = {editor_id: editors.block_reason(editor_id, four_eyes.deciders(rule)) for editor_id in editor_ids}
    return {editor_id: reason for editor_id, reason in found.items() if reason is not None}


def _differing(outcome: str, decisions: Iterable[Decision]) -> tuple[Difference, ...]:
    expected = _OUTCOMES.get(RuleOutcome(outcome))
    different = [
        each for each in decisions if each.outcome != expected or each.kind == Kind.PUT_BACK or each.is_corrected
    ]
    return tuple(Difference(decision, _describe(decision)) for decision in different)


def _describe(decision: Decision) -> str:
    if decision.kind == Kind.PUT_BACK:
        return "put back"
    return "corrected" if decision.is_corrected else decision.get_outcome_display().lower()


def stored_differences(rule: Rule) -> list[Difference]:
    """Return the differences that the last simulation stored, newest first."""
    ids = rule.simulation["differing"] if rule.simulation else []
    rows = Decision.objects.filter(pk__in=ids).select_related("field__record", "decided_by").order_by("-decided_at")
    return [Difference(decision, _describe(decision)) for decision in rows]


def compare_shadow(rule: Rule) -> Simulation:
    """Compare what the rule noted since it entered shadow mode with what people decided.

    `looked_at` counts the noted fields.
    """
    traces = RuleTrace.objects.filter(rule=rule, is_shadow=True, at__gte=rule.started_at, refused="")
    noted = list(traces.order_by("-at").values_list("field_id", flat=True)[:MAX_EXAMINED])
    decided_by_people = Decision.objects.filter(field__in=noted, decided_by__isnull=False, state__in=_VALID_STATES)
    newest = decided_by_people.select_related("field__record", "decided_by").order_by("-decided_at")
    history = _latest_by_field(newest)
    differing = () if rule.outcome == RuleOutcome.LEAVE else _differing(rule.outcome, history)
    return Simulation(len(noted), len(history), len(noted) - len(history), differing)
