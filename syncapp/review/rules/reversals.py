"""People take a rule's decisions back: it is counted, and a rule that is often wrong pauses itself."""

from __future__ import annotations

from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import Decision, Person, Rule, RuleTrace
from syncapp.models.locking import locked
from syncapp.models.review.rule import RuleState
from syncapp.outbox import messages

LAST = 20
MOST_REVERSED = 3


def record(decision: Decision) -> None:
    """A person takes this decision back; call it in that transaction. Only a rule's decision is counted."""
    if decision.rule_id is None:
        return
    rule = locked(Rule.objects.all()).get(pk=decision.rule_id)
    RuleTrace.objects.filter(decision=decision, reversed_at__isnull=True).update(reversed_at=Now())
    count = recent_reversals(rule)
    if rule.state == RuleState.ENABLED and count >= MOST_REVERSED:
        _pause(rule, count)


def recent_reversals(rule: Rule) -> int:
    """How many of the last 20 decisions since the rule was enabled were taken back by people."""
    taken = RuleTrace.objects.filter(rule=rule, decision__isnull=False, at__gte=rule.started_at)
    return sum(when is not None for when in taken.order_by("-at").values_list("reversed_at", flat=True)[:LAST])


def _pause(rule: Rule, count: int) -> None:
    why = f"People took back {count} of its last {LAST} decisions."
    Rule.objects.filter(pk=rule.pk).update(state=RuleState.PAUSED, paused_because=why, started_at=Now())
    audit.record("rule.paused_itself", by=None, channel="rule", details={"rule": str(rule.pk), "reversed": count})
    now = f"{timezone.now():%d %B %Y, %H:%M} UTC"
    told = {"code": "rule_paused", "text": f"The rule “{rule.name}” paused itself. {why}", "since": now, "over": False}
    for person in Person.objects.filter(is_administrator=True, is_active=True):
        messages.queue("operations", to=person, details=told)
