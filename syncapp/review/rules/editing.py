"""Editing of rules: create, change, order, simulate, enable, pause and remove them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import Person, Rule, SyncField
from syncapp.models.locking import lock, locked, retried
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.rule import CONTENT, RuleOutcome, RuleState
from syncapp.preferences import OTHER
from syncapp.review import reasons
from syncapp.review.rules import runs, simulation
from syncapp.review.rules.simulation import Simulation

MAX_RULES, MAX_CONDITIONS, MAX_DIFFERENCES = 50, 100, 100
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IS_VALID: Mapping[str, Callable[[str], object]] = {
    "columns": re.compile(r"[a-z_][a-z0-9_]{0,127}").fullmatch,
    "editors": re.compile(_ID).fullmatch,
    "kinds": ChangeKind.values.__contains__,
}


class BadRule(Exception):
    """An invalid rule; `place` names the input, `str()` is the message for the person."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class NotSimulated(Exception):
    """The rule has not been simulated in its current form, so it cannot be enabled."""


class RulesBusy(Exception):
    """Other rules have not checked all waiting edits yet, so a new rule would decide old ones."""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """The content of a rule as an administrator wrote it; an empty tuple means no condition."""

    name: str
    outcome: str
    columns: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    reason_code: str = ""
    reason: str = ""

    @staticmethod
    def from_content(content: Mapping[str, Any]) -> RuleDraft:
        """Build the draft of a stored rule or of an entry in a settings file."""
        return RuleDraft(
            name=str(content.get("name") or "").strip(),
            outcome=str(content.get("outcome") or ""),
            columns=tuple(content.get("columns") or ()),
            editors=tuple(content.get("editors") or ()),
            kinds=tuple(content.get("kinds") or ()),
            reason_code=str(content.get("reason_code") or ""),
            reason=str(content.get("reason") or ""),
        )


def check(draft: RuleDraft, *, codes: Collection[str] | None = None) -> dict[str, Any]:
    """Return the draft's values for the rule's row; `codes` are the valid reason codes. Raises BadRule."""
    if not 0 < len(draft.name.strip()) <= 80:
        raise BadRule("name", "Enter a name of 1 to 80 characters.")
    if draft.outcome not in RuleOutcome.values:
        raise BadRule("outcome", "Choose approve, reject or leave.")
    lists = {"columns": draft.columns, "editors": draft.editors, "kinds": draft.kinds}
    for name, values in lists.items():
        wrong = next((value for value in values if not isinstance(value, str) or not _IS_VALID[name](value)), None)
        if wrong is not None:
            raise BadRule(name, f"“{str(wrong)[:60]}” is unknown.")
        if len(values) > MAX_CONDITIONS:
            raise BadRule(name, f"Choose at most {MAX_CONDITIONS}.")
    if draft.outcome != RuleOutcome.LEAVE and not any(lists.values()):
        raise BadRule("conditions", "Add at least one condition: a field, an editor or a kind of change.")
    why = {"reason_code": "", "reason": ""}
    if draft.outcome == RuleOutcome.REJECT:
        if draft.reason_code not in (reasons.options() if codes is None else codes):
            raise BadRule("reason_code", "Choose a reason for the rejected edits.")
        if draft.reason_code == OTHER and not draft.reason.strip():
            raise BadRule("reason", "Add an explanation for “Other”.")
        if len(draft.reason) > reasons.MAX_LENGTH:
            raise BadRule("reason", f"Enter at most {reasons.MAX_LENGTH} characters.")
        why = {"reason_code": draft.reason_code, "reason": draft.reason.strip()}
    conditions = {name: sorted(set(values)) for name, values in lists.items()}
    return {"name": draft.name.strip(), "outcome": draft.outcome, **conditions, **why}


@transaction.atomic
def create(draft: RuleDraft, *, by: Person, channel: str = "settings") -> Rule:
    """Create a rule, paused and last in order. Raises BadRule."""
    content = check(draft)
    existing = Rule.objects.existing()
    if existing.count() >= MAX_RULES:
        raise BadRule("name", f"There are already {MAX_RULES} rules. Remove one first.")
    last = existing.aggregate(last=Max("position"))["last"] or 0
    rule = Rule.objects.create(**content, author=by, position=last + 1, started_at=Now())
    _record("rule.created", rule, by=by, channel=channel, after=content)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def change(rule_id: uuid.UUID, draft: RuleDraft, *, by: Person, channel: str = "settings") -> Rule:
    """Change a rule; if its effect changes, pause it until it is simulated and enabled again. Raises BadRule."""
    rule = _lock_rule(rule_id)
    before, effect, content = rule.content, rule.effect, check(draft)
    if before == content:
        return rule
    for name, value in content.items():
        setattr(rule, name, value)
    rule.author = by
    rule.save(update_fields=[*CONTENT, "author"])
    _record("rule.changed", rule, by=by, channel=channel, before=before, after=content)
    if rule.effect != effect and rule.state != RuleState.PAUSED:
        _set_state(rule, RuleState.PAUSED, by=by, why="It was changed.")
    return rule


@transaction.atomic
def move(rule_id: uuid.UUID, *, up: bool, by: Person) -> None:
    """Move a rule up or down by one position."""
    lock(Rule.objects.all())
    order = list(Rule.objects.existing())
    index = next((index for index, rule in enumerate(order) if rule.pk == rule_id), None)
    if index is None or not 0 <= (other := index - 1 if up else index + 1) < len(order):
        return
    order[index], order[other] = order[other], order[index]
    for position, rule in enumerate(order, 1):
        Rule.objects.filter(pk=rule.pk).update(position=position)
    _record("rule.moved", order[other], by=by, before={"place": index + 1}, after={"place": other + 1})


@transaction.atomic
def simulate(rule_id: uuid.UUID, *, by: Person) -> Simulation:
    """Compare the rule with past decisions by people, and store the result so that the rule can be enabled."""
    rule = _lock_rule(rule_id)
    found = simulation.simulate(rule)
    figures = {
        "looked_at": found.looked_at,
        "decided": found.decided,
        "left": found.left,
        "differently": len(found.differing),
        "taken": found.taken,
    }
    differing = [str(each.last.pk) for each in found.differing[:MAX_DIFFERENCES]]
    rule.simulation = {"effect": rule.effect, "at": timezone.now().isoformat(), "differing": differing, **figures}
    rule.save(update_fields=["simulation"])
    audit.record("rule.simulated", by=by, channel="settings", details={"rule": str(rule.pk), **figures})
    return found


def enable(rule_id: uuid.UUID, *, by: Person, also_waiting: bool = False) -> Rule:
    """Enable a rule for new edits and, with `also_waiting`, for waiting ones.

    Raises NotSimulated unless the rule was simulated in its current form, and, unless `also_waiting`,
    RulesBusy while other rules are still checking the waiting edits.
    """
    if not also_waiting and not runs.catch_up():
        raise RulesBusy("The other rules are still checking waiting edits. Try again in a minute.")
    return _enable(rule_id, by=by, also_waiting=also_waiting)


@retried
def _enable(rule_id: uuid.UUID, *, by: Person, also_waiting: bool) -> Rule:
    if also_waiting:
        undecided = SyncField.objects.filter(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE)
        undecided.update(ruled_at=None)  # new again, for all rules
    rule = _lock_rule(rule_id)
    if not rule.is_simulated:
        raise NotSimulated("Simulate the rule first, to see what it would have done.")
    rule.enabled_by = by
    _set_state(rule, RuleState.ENABLED, by=by)
    return rule


def shadow(rule_id: uuid.UUID, *, by: Person) -> Rule:
    """Start shadow mode for a rule: it records what it would do with new edits, and decides none."""
    runs.catch_up()
    with transaction.atomic():
        rule = _lock_rule(rule_id)
        _set_state(rule, RuleState.SHADOW, by=by)
    return rule


@transaction.atomic
def pause(rule_id: uuid.UUID, *, by: Person) -> Rule:
    """Pause a rule."""
    rule = _lock_rule(rule_id)
    _set_state(rule, RuleState.PAUSED, by=by)
    return rule


@transaction.atomic
def remove(rule_id: uuid.UUID, *, by: Person, channel: str = "settings") -> None:
    """Remove a rule; its decisions keep its name."""
    _set_state(_lock_rule(rule_id), RuleState.REMOVED, by=by, channel=channel)


def _lock_rule(rule_id: uuid.UUID) -> Rule:
    """Return the rule, locked. Raises Rule.DoesNotExist."""
    return locked(Rule.objects.existing().select_related("author", "enabled_by")).get(pk=rule_id)


def _set_state(rule: Rule, state: RuleState, *, by: Person, why: str = "", channel: str = "settings") -> None:
    before, rule.state, rule.paused_because = rule.state, state, why
    rule.save(update_fields=["state", "paused_because", "enabled_by"])
    Rule.objects.filter(pk=rule.pk).update(started_at=Now())
    rule.refresh_from_db(fields=["started_at"])
    _record(f"rule.{state}", rule, by=by, channel=channel, before={"state": before}, after={"state": str(state)})


def _record(
    action: str,
    rule: Rule,
    *,
    by: Person,
    channel: str = "settings",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    texts = [None if each is None else json.dumps(each, ensure_ascii=False) for each in (before, after)]
    details = {"rule": str(rule.pk)}
    audit.record(action, by=by, channel=channel, details=details, before=texts[0], after=texts[1])
