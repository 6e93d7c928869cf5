"""What a rule would have done with edits that people decided: by simulation, and by what it noted in shadow."""

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
_STOOD = (*LIVE_STATES, DecisionState.WRITTEN, DecisionState.ALREADY)
_SAME = {RuleOutcome.APPROVE: Outcome.APPROVED, RuleOutcome.REJECT: Outcome.REJECTED}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that a person decided otherwise: `people` says how, `last` is that decision."""

    last: Decision
    people: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """Of `looked_at` fields decided by people, the rule would have decided `decided`, some of them differently.

    `taken` of those (or of `left`, for a rule that leaves to people) meet an enabled rule that is asked before it.
    """

    looked_at: int
    decided: int
    left: int
    differing: tuple[Difference, ...]
    taken: int = 0


def matches(rule: Rule, field: SyncField) -> bool:
    """Whether all of the rule's conditions hold; `field.record` is read."""
    return (
        (not rule.columns or field.column_name in rule.columns)
        and (not rule.kinds or field.change_kind in rule.kinds)
        and (not rule.editors or str(field.record.editor_id) in rule.editors)
    )


def simulate(rule: Rule) -> Simulation:
    """What the rule would have done with the last 2,000 fields that people decided."""
    decided_by_people = Decision.objects.filter(decided_by__isnull=False, state__in=_STOOD)
    newest = decided_by_people.select_related("field__record", "decided_by").order_by("-decided_at")[:MAX_EXAMINED]
    history = _last_of_each(newest)
    met = [last for last in history if matches(rule, last.field)]
    barred = blocked_editors(rule, {last.field.record.editor_id for last in met})
    free = [last for last in met if last.field.record.editor_id not in barred and rule.outcome != RuleOutcome.LEAVE]
    return Simulation(
        len(history), len(free), len(met) - len(free), _differing(rule.outcome, free), taken=_taken(rule, free or met)
    )


def _taken(rule: Rule, decisions: Iterable[Decision]) -> int:
    """How many of these an enabled rule in front of this one takes, whatever it does with them."""
    in_front = takewhile(lambda each: each.pk != rule.pk, Rule.objects.shown())
    before = [each for each in in_front if each.state == RuleState.ENABLED]
    return sum(any(matches(each, last.field) for each in before) for last in decisions)


def _last_of_each(newest_first: Iterable[Decision]) -> list[Decision]:
    last: dict[uuid.UUID, Decision] = {}
    for decision in newest_first:
        last.setdefault(decision.field_id, decision)
    return list(last.values())


def blocked_editors(rule: Rule, editor_ids: Collection[uuid.UUID | None]) -> dict[uuid.UUID | None, BlockReason]:
    """Return the editors whose edits the rule leaves to people, with the reason."""
    editors = four_eyes.load_editors(editor_ids)
    found = {editor_id: editors.block_reason(editor_id, four_eyes.deciders(rule)) for editor_id in editor_ids}
    return {editor_id: bar for editor_id, bar in found.items() if bar is not None}


def _differing(outcome: str, decisions: Iterable[Decision]) -> tuple[Difference, ...]:
    same = _SAME.get(RuleOutcome(outcome))  # none for a rule that leaves to people: it decides nothing
    otherwise = [last for last in decisions if last.outcome != same or last.kind == Kind.PUT_BACK or last.is_corrected]
    return tuple(Difference(last, _words(last)) for last in otherwise)


def _words(last: Decision) -> str:
    if last.kind == Kind.PUT_BACK:
        return "put back"
    return "corrected" if last.is_corrected else last.get_outcome_display().lower()


def stored_differences(rule: Rule) -> list[Difference]:
    """What the last simulation found decided differently, as far as it kept the list; the newest first."""
    ids = rule.simulation["differing"] if rule.simulation else []
    rows = Decision.objects.filter(pk__in=ids).select_related("field__record", "decided_by").order_by("-decided_at")
    return [Difference(last, _words(last)) for last in rows]


def compare_shadow(rule: Rule) -> Simulation:
    """What the rule noted since it is in its state, beside what people decided since; `looked_at` counts its notes."""
    traces = RuleTrace.objects.filter(rule=rule, is_shadow=True, at__gte=rule.started_at, refused="")
    noted = list(traces.order_by("-at").values_list("field_id", flat=True)[:MAX_EXAMINED])
    decided_by_people = Decision.objects.filter(field__in=noted, decided_by__isnull=False, state__in=_STOOD)
    newest = decided_by_people.select_related("field__record", "decided_by").order_by("-decided_at")
    history = _last_of_each(newest)
    differing = () if rule.outcome == RuleOutcome.LEAVE else _differing(rule.outcome, history)
    return Simulation(len(noted), len(history), len(noted) - len(history), differing)
