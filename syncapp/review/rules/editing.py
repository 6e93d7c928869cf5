"""The place where rules are written, ordered, enabled and paused. What they do to edits is in rule_runs.py."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Mapping
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
from syncapp.text.ids import parse_uuid

MOST_RULES, MOST_CONDITIONS, MOST_LISTED = 50, 100, 100
_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,127}")


class BadRule(Exception):
    """A rule that cannot be kept as it is; `place` names what is wrong, `str()` is what the person reads."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class NotSimulated(Exception):
    """A rule is enabled only after somebody has seen what it would have done."""


class RulesBusy(Exception):
    """Other rules have not yet looked at all that waits, so a new one would decide what it was not meant for."""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """What an administrator wants a rule to be; an empty tuple is no condition."""

    name: str
    outcome: str
    columns: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    reason_code: str = ""
    reason: str = ""

    @staticmethod
    def of(content: Mapping[str, Any]) -> RuleDraft:
        """The wish that a stored rule or a file's entry stands for."""
        return RuleDraft(
            name=str(content.get("name") or "").strip(),
            outcome=str(content.get("outcome") or ""),
            columns=tuple(content.get("columns") or ()),
            editors=tuple(content.get("editors") or ()),
            kinds=tuple(content.get("kinds") or ()),
            reason_code=str(content.get("reason_code") or ""),
            reason=str(content.get("reason") or ""),
        )


def check(wish: RuleDraft, *, codes: Collection[str] | None = None) -> dict[str, Any]:
    """The rule's columns as they may be stored; `codes` are the reasons that hold then. Raises BadRule."""
    if not 0 < len(wish.name.strip()) <= 80:
        raise BadRule("name", "A name of 1 to 80 characters.")
    if wish.outcome not in RuleOutcome.values:
        raise BadRule("outcome", "One of approve, reject, leave.")
    _check_conditions(wish)
    decides = wish.outcome != RuleOutcome.LEAVE
    if decides and not (wish.columns or wish.editors or wish.kinds):
        raise BadRule("conditions", "A rule that decides needs at least one condition: a field, an editor or a kind.")
    why = (
        _reason(wish, reasons.options() if codes is None else codes)
        if wish.outcome == RuleOutcome.REJECT
        else {"reason_code": "", "reason": ""}
    )
    lists = {name: sorted(set(getattr(wish, name))) for name in ("columns", "editors", "kinds")}
    return {"name": wish.name.strip(), "outcome": wish.outcome, **lists, **why}


def _check_conditions(wish: RuleDraft) -> None:
    for name, is_known in (("columns", _is_column), ("editors", _is_id), ("kinds", ChangeKind.values.__contains__)):
        values = getattr(wish, name)
        wrong = next((value for value in values if not isinstance(value, str) or not is_known(value)), None)
        if wrong is not None:
            raise BadRule(name, f"“{str(wrong)[:60]}” is not known here.")
        if len(values) > MOST_CONDITIONS:
            raise BadRule(name, f"At most {MOST_CONDITIONS}.")


def _is_column(text: str) -> bool:
    return bool(_COLUMN.fullmatch(text))


def _is_id(text: str) -> bool:
    found = parse_uuid(text)
    return found is not None and str(found) == text


def _reason(wish: RuleDraft, codes: Collection[str]) -> dict[str, str]:
    if wish.reason_code not in codes:
        raise BadRule("reason_code", "Choose the reason that the rejected edits carry.")
    if wish.reason_code == OTHER and not wish.reason.strip():
        raise BadRule("reason", "“Other” needs a sentence.")
    if len(wish.reason) > reasons.MAX_LENGTH:
        raise BadRule("reason", f"At most {reasons.MAX_LENGTH} characters.")
    return {"reason_code": wish.reason_code, "reason": wish.reason.strip()}


@transaction.atomic
def create(wish: RuleDraft, *, by: Person, channel: str = "settings") -> Rule:
    """A new rule, last in order and paused. Raises BadRule."""
    content = check(wish)
    shown = Rule.objects.shown()
    if shown.count() >= MOST_RULES:
        raise BadRule("name", f"There are {MOST_RULES} rules already.")
    last = shown.aggregate(last=Max("position"))["last"] or 0
    rule = Rule.objects.create(**content, author=by, position=last + 1, started_at=Now())
    _note("rule.created", rule, by=by, channel=channel, after=content)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def change(rule_id: uuid.UUID, wish: RuleDraft, *, by: Person, channel: str = "settings") -> Rule:
    """Write a rule anew; one that now does something else is paused until it is simulated. Raises BadRule."""
    rule = _locked(rule_id)
    before, effect, content = rule.content, rule.effect, check(wish)
    if before == content:
        return rule
    for name, value in content.items():
        setattr(rule, name, value)
    rule.author = by
    rule.save(update_fields=[*CONTENT, "author"])
    _note("rule.changed", rule, by=by, channel=channel, before=before, after=content)
    if rule.effect != effect and rule.state != RuleState.PAUSED:
        _move(rule, RuleState.PAUSED, by=by, why="It was changed.")
    return rule


@transaction.atomic
def move(rule_id: uuid.UUID, *, up: bool, by: Person) -> None:
    """Ask a rule earlier or later; all rules get a fresh place."""
    lock(Rule.objects.all())
    order = list(Rule.objects.shown())
    place = next((place for place, rule in enumerate(order) if rule.pk == rule_id), None)
    if place is None or not 0 <= (other := place - 1 if up else place + 1) < len(order):
        return
    order[place], order[other] = order[other], order[place]
    for position, rule in enumerate(order, 1):
        Rule.objects.filter(pk=rule.pk).update(position=position)
    _note("rule.moved", order[other], by=by, before={"place": place + 1}, after={"place": other + 1})


@transaction.atomic
def simulate(rule_id: uuid.UUID, *, by: Person) -> Simulation:
    """See what the rule would have done with what people decided; kept with the rule, so that it can be enabled."""
    rule = _locked(rule_id)
    found = simulation.simulate(rule)
    figures = {
        "looked_at": found.looked_at,
        "decided": found.decided,
        "left": found.left,
        "differently": len(found.differing),
        "taken": found.taken,
    }
    listed = [str(each.last.pk) for each in found.differing[:MOST_LISTED]]
    rule.simulation = {"effect": rule.effect, "at": timezone.now().isoformat(), "differing": listed, **figures}
    rule.save(update_fields=["simulation"])
    audit.record("rule.simulated", by=by, channel="settings", details={"rule": str(rule.pk), **figures})
    return found


def enable(rule_id: uuid.UUID, *, by: Person, also_waiting: bool = False) -> Rule:
    """Let a rule decide edits that arrive from now on, and what waits as well where that is wanted.

    Raises NotSimulated unless the rule was simulated as it is now, StillLooking while others look at what waits.
    """
    if not also_waiting and not runs.catch_up():
        raise RulesBusy("The other rules are still looking at what waits. Try again in a minute.")
    return _enable(rule_id, by=by, also_waiting=also_waiting)


@retried
def _enable(rule_id: uuid.UUID, *, by: Person, also_waiting: bool) -> Rule:
    if also_waiting:
        _look_again()
    rule = _locked(rule_id)
    if not rule.is_simulated:
        raise NotSimulated("Simulate it first: a rule is enabled once someone has seen what it would have done.")
    rule.enabled_by = by
    _move(rule, RuleState.ENABLED, by=by)
    return rule


def shadow(rule_id: uuid.UUID, *, by: Person) -> Rule:
    """Let a rule note what it would do with edits that arrive from now on, and do nothing."""
    runs.catch_up()
    with transaction.atomic():
        rule = _locked(rule_id)
        _move(rule, RuleState.SHADOW, by=by)
    return rule


@transaction.atomic
def pause(rule_id: uuid.UUID, *, by: Person) -> Rule:
    """Let a rule rest."""
    rule = _locked(rule_id)
    _move(rule, RuleState.PAUSED, by=by)
    return rule


@transaction.atomic
def remove(rule_id: uuid.UUID, *, by: Person, channel: str = "settings") -> None:
    """Take a rule away; what it decided keeps its name."""
    _move(_locked(rule_id), RuleState.REMOVED, by=by, channel=channel)


def _locked(rule_id: uuid.UUID) -> Rule:
    """The rule, if it is there. Raises Rule.DoesNotExist."""
    return locked(Rule.objects.shown().select_related("author", "enabled_by")).get(pk=rule_id)


def _move(rule: Rule, state: RuleState, *, by: Person, why: str = "", channel: str = "settings") -> None:
    before, rule.state, rule.paused_because = rule.state, state, why
    rule.save(update_fields=["state", "paused_because", "enabled_by"])
    Rule.objects.filter(pk=rule.pk).update(started_at=Now())
    rule.refresh_from_db(fields=["started_at"])
    _note(f"rule.{state}", rule, by=by, channel=channel, before={"state": before}, after={"state": str(state)})


def _look_again() -> None:
    """Everything that waits counts as new once more, for all rules."""
    undecided = SyncField.objects.filter(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE)
    undecided.update(ruled_at=None)


def _note(
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
