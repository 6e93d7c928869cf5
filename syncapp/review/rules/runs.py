"""Rule runs: each new field is checked once by the rules in order; the first match decides it as a person would.

The mark that a field was checked, the decision and the trace are stored in one transaction. A run that dies is repeated
by the next pull; two concurrent runs take each field once.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from syncapp.jobs import runner
from syncapp.jobs.queue import failpoint
from syncapp.mirror import columns
from syncapp.models import CrmUser, Decision, Rule, RuleTrace, SyncField
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import SyncFieldQuerySet
from syncapp.models.review.decision import Outcome
from syncapp.models.review.rule import RuleOutcome, RuleState
from syncapp.review import decisions
from syncapp.review.bulk.warnings import is_changed_in_crm
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from syncapp.review.rules.simulation import blocked_editors, matches

BATCH = 200
MARK_BATCH = 10_000
CATCH_UP_SECONDS = 3.0
CHANNEL = "rule"


@dataclass(slots=True)
class RunResult:
    """Counts of one run: fields checked, decided, and noted by rules in shadow mode.

    `groups` has, by rule, the group of its audit entries, once the first entry is stored.
    """

    fields: int = 0
    decided: int = 0
    noted: int = 0
    groups: dict[uuid.UUID, uuid.UUID] = dataclasses.field(default_factory=dict)

    def add(self, other: RunResult) -> None:
        """Add the counts and groups of another result."""
        self.fields += other.fields
        self.decided += other.decided
        self.noted += other.noted
        self.groups |= other.groups


def run(*, seconds: float = 10.0) -> RunResult:
    """Check new fields for at most `seconds`; the next run continues."""
    total, until = RunResult(), time.monotonic() + seconds
    while time.monotonic() < until:
        rules = list(Rule.objects.active().select_related("author", "enabled_by"))
        if not rules:
            _mark_batch()
            break
        ids = list(_unchecked().order_by("pk").values_list("pk", flat=True)[:BATCH])
        for field_id in ids:
            total.add(_check_field(field_id, rules, total.groups))
        if len(ids) < BATCH:
            break
    return total


def catch_up(*, seconds: float = CATCH_UP_SECONDS) -> bool:
    """Check all new fields against the current rules, before another rule starts; return False if time ran out."""
    if Rule.objects.active().exists():
        run(seconds=seconds)
    else:
        while _mark_batch():
            pass
    return not _unchecked().exists()


def _unchecked() -> SyncFieldQuerySet:
    """Return unchecked fields of visible edits whose editors are read, as four eyes requires."""
    known = CrmUser.objects.filter(pk=OuterRef("record__editor_id"))
    arrived = SyncField.objects.not_yet_ruled().filter(record__is_stub=False)
    return arrived.filter(Q(record__editor_id__isnull=True) | Exists(known))


@retried
def _mark_batch() -> int:
    """Mark a batch of fields as checked, since there are no rules; return how many."""
    # In the order of the partial index; SQLite would walk through all waiting fields otherwise.
    ids = list(SyncField.objects.not_yet_ruled().order_by("pk").values_list("pk", flat=True)[:MARK_BATCH])
    if ids:
        fields = SyncField.objects.filter(pk__in=ids, ruled_at__isnull=True)
        lock(fields)
        fields.update(ruled_at=Now())
    return len(ids)


@retried
def _check_field(field_id: uuid.UUID, rules: Sequence[Rule], groups: Mapping[uuid.UUID, uuid.UUID]) -> RunResult:
    result = RunResult()
    if SyncField.objects.not_yet_ruled().filter(pk=field_id).update(ruled_at=Now()) != 1:
        return result
    field = SyncField.objects.select_related("record").get(pk=field_id)
    result.fields += 1
    with runner.isolated(f"rules on field {field_id}"):  # after an error, people decide
        for rule in (rule for rule in rules if matches(rule, field)):
            if rule.state == RuleState.ENABLED:
                group = groups.get(rule.pk, uuid.uuid4())
                if _apply_rule(rule, field, group=group, is_part=rule.pk in groups):
                    result.decided += 1
                    result.groups[rule.pk] = group
                break
            editor_id = field.record.editor_id
            _store_trace(rule, field, refused=blocked_editors(rule, {editor_id}).get(editor_id, ""))
            result.noted += 1
    failpoint("rules.checked")
    return result


def _apply_rule(rule: Rule, field: SyncField, *, group: uuid.UUID, is_part: bool) -> bool:
    """Apply the rule to the field, or leave the field to people and store why; return whether it was decided.

    The first decision of a group has the row on the activity page; the others are part of it.
    """
    if not Rule.objects.filter(pk=rule.pk, state=RuleState.ENABLED).exists():
        return False  # paused during this run: people decide
    if is_changed_in_crm(field, columns.find(field.record.target_table, field.column_name)):
        _store_trace(rule, field, refused="crm_has_another_value")
        return False
    if rule.outcome == RuleOutcome.LEAVE:
        _store_trace(rule, field)
        return False
    if rule.outcome == RuleOutcome.APPROVE:
        choice = Choice(field.pk, Outcome.APPROVED, digest(field))
    else:
        choice = Choice(field.pk, Outcome.REJECTED, digest(field), rule.reason_code, rule.reason)
    result = decisions.decide([choice], by=rule, channel=CHANNEL, group=group, is_part=is_part)
    for error in result.refused:
        _store_trace(rule, field, refused=error.code)
    for decision in result.taken:
        _store_trace(rule, field, decision=decision)
    return bool(result.taken)


def _store_trace(rule: Rule, field: SyncField, *, decision: Decision | None = None, refused: str = "") -> None:
    is_shadow = rule.state == RuleState.SHADOW
    values = {"at": Now(), "decision": decision, "refused": refused, "outcome": rule.outcome, "reversed_at": None}
    RuleTrace.objects.update_or_create(rule=rule, field=field, is_shadow=is_shadow, defaults=values)
