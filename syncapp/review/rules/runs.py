"""Rules look at each new edit once, in order; the first that fits decides by the same approve and reject as people.

One transaction a field: the mark that it was looked at, the decision and the trace are kept together or not at all.
A run that dies is repeated by the next pull; two runs at once take each field once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from syncapp.jobs import runner
from syncapp.jobs.queue import failpoint
from syncapp.mirror import columns
from syncapp.models import CrmUser, Decision, Rule, RuleTrace, SyncField
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import SyncFieldQuerySet
from syncapp.models.review.rule import RuleOutcome, RuleState
from syncapp.review import decisions
from syncapp.review.bulk.warnings import changed_in_crm
from syncapp.review.context import digest
from syncapp.review.errors import ReviewError
from syncapp.review.rules.simulation import blocked_editors, matches

BATCH = 200
MARKED_AT_ONCE = 10_000
CATCH_UP_SECONDS = 3.0
CHANNEL = "rule"


@dataclass(slots=True)
class RunResult:
    """What one run did: fields looked at, decided, and noted by rules in shadow."""

    fields: int = 0
    decided: int = 0
    noted: int = 0

    def add(self, other: RunResult) -> None:
        """Count these, too."""
        self.fields += other.fields
        self.decided += other.decided
        self.noted += other.noted


def run(*, seconds: float = 10.0) -> RunResult:
    """Look at new edits for at most `seconds`; the next run goes on."""
    looked, until = RunResult(), time.monotonic() + seconds
    while time.monotonic() < until:
        rules = list(Rule.objects.active().select_related("author", "enabled_by"))
        if not rules:
            _mark_all()
            break
        ids = list(_waiting().order_by("pk").values_list("pk", flat=True)[:BATCH])
        for field_id in ids:
            looked.add(_look_at(field_id, rules))
        if len(ids) < BATCH:
            break
    return looked


def catch_up(*, seconds: float = CATCH_UP_SECONDS) -> bool:
    """Have the rules of now look at all that arrived, before another rule joins them. False: there was too much."""
    if Rule.objects.active().exists():
        run(seconds=seconds)
    else:
        while _mark_all():
            pass
    return not _waiting().exists()


def _waiting() -> SyncFieldQuerySet:
    """New fields of edits that have arrived, with editors whom we have read: four eyes needs to know who they are."""
    known = CrmUser.objects.filter(pk=OuterRef("record__editor_id"))
    arrived = SyncField.objects.unruled().filter(record__is_stub=False)
    return arrived.filter(Q(record__editor_id__isnull=True) | Exists(known))


def _mark_all() -> int:
    """Without rules nothing waits for them; in pieces, so that a first reading of a million rows stays quick."""
    # In the order of the index that holds only these: SQLite would walk through everything that waits otherwise.
    new = SyncField.objects.unruled().order_by("pk").values_list("pk", flat=True)[:MARKED_AT_ONCE]
    ids = list(new)
    if ids:
        _mark(ids)
    return len(ids)


@retried
def _mark(ids: Collection[uuid.UUID]) -> None:
    fields = SyncField.objects.filter(pk__in=ids, ruled_at__isnull=True)
    lock(fields)
    fields.update(ruled_at=Now())


@retried
def _look_at(field_id: uuid.UUID, rules: Sequence[Rule]) -> RunResult:
    looked = RunResult()
    if SyncField.objects.unruled().filter(pk=field_id).update(ruled_at=Now()) != 1:
        return looked
    field = SyncField.objects.select_related("record").get(pk=field_id)
    looked.fields += 1
    with runner.isolated(f"rules on field {field_id}"):  # where they fail, people decide
        _apply_rules(field, rules, looked)
    failpoint("rules.looked")
    return looked


def _apply_rules(field: SyncField, rules: Sequence[Rule], looked: RunResult) -> None:
    for rule in rules:
        if not matches(rule, field):
            continue
        if rule.state == RuleState.ENABLED:
            looked.decided += _act(rule, field)
            break
        _note(rule, field, refused=_barred(rule, field))
        looked.noted += 1


def _act(rule: Rule, field: SyncField) -> bool:
    """Decide as the rule says, or leave the field to people and say why."""
    if not Rule.objects.filter(pk=rule.pk, state=RuleState.ENABLED).exists():
        return False  # paused while this run was under way: people decide
    if changed_in_crm(field, columns.find(field.record.target_table, field.column_name)):
        _note(rule, field, refused="crm_has_another_value")
        return False
    try:
        _note(rule, field, decision=_decide(rule, field))
    except ReviewError as error:
        _note(rule, field, refused=error.code)
        return False
    return rule.outcome != RuleOutcome.LEAVE


def _decide(rule: Rule, field: SyncField) -> Decision | None:
    if rule.outcome == RuleOutcome.LEAVE:
        return None
    if rule.outcome == RuleOutcome.APPROVE:
        return decisions.approve(field.pk, by=rule, seen=digest(field), channel=CHANNEL)
    why = {"reason_code": rule.reason_code, "reason": rule.reason}
    return decisions.reject(field.pk, by=rule, seen=digest(field), channel=CHANNEL, **why)


def _barred(rule: Rule, field: SyncField) -> str:
    editor_id = field.record.editor_id
    return blocked_editors(rule, {editor_id}).get(editor_id, "")


def _note(rule: Rule, field: SyncField, *, decision: Decision | None = None, refused: str = "") -> None:
    is_shadow = rule.state == RuleState.SHADOW
    seen_now = {"at": Now(), "decision": decision, "refused": refused, "outcome": rule.outcome, "reversed_at": None}
    RuleTrace.objects.update_or_create(rule=rule, field=field, is_shadow=is_shadow, defaults=seen_now)
