"""Reversals: people undo a rule's decisions; a rule whose decisions are often reversed is paused."""

from __future__ import annotations

from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import Decision, Person, Rule, RuleTrace
from syncapp.models.locking import locked
from syncapp.models.review.rule import RuleState
from syncapp.outbox import messages

MAX_EXAMINED = 20  # of a rule's most recent decisions
REVERSALS_TO_PAUSE = 3  # among the examined decisions


def record(decision: Decision) -> None:
    """Record that a person reverses this decision, in the same transaction; only decisions by rules count."""
    if decision.rule_id is None:
        return
    rule = locked(Rule.objects.all()).get(pk=decision.rule_id)
    RuleTrace.objects.filter(decision=decision, reversed_at__isnull=True).update(reversed_at=Now())
    count = recent_reversals(rule)
    if rule.state != RuleState.ENABLED or count < REVERSALS_TO_PAUSE:
        return
    why = f"People undid {count} of its last {MAX_EXAMINED} decisions."
    Rule.objects.filter(pk=rule.pk).update(state=RuleState.PAUSED, paused_because=why, started_at=Now())
    audit.record("rule.paused_itself", by=None, channel="rule", details={"rule": str(rule.pk), "reversed": count})
    details = {
        "code": "rule_paused",
        "text": f"The rule “{rule.name}” was paused automatically. {why}",
        "since": f"{timezone.now():%d %B %Y, %H:%M} UTC",
        "over": False,
    }
    for person in Person.objects.filter(is_administrator=True, is_active=True):
        messages.queue("operations", to=person, details=details)


def recent_reversals(rule: Rule) -> int:
    """Return how many of the rule's last MAX_EXAMINED decisions since it was enabled were reversed."""
    traces = RuleTrace.objects.filter(rule=rule, decision__isnull=False, at__gte=rule.started_at)
    return sum(when is not None for when in traces.order_by("-at").values_list("reversed_at", flat=True)[:MAX_EXAMINED])
