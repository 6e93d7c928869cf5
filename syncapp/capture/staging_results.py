"""Results of staging: the state of each entry, the restored columns, and the remaining work of the job.

All of this runs in the transaction that proves the lease, so a worker that lost its lease changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from syncapp.capture.chain_records import UNKNOWN, Outcome, Plan, SkipReason, StagedChange
from syncapp.capture.history import ContactHistory
from syncapp.capture.policy import Reason
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import StagedRecord
from syncapp.jobs import queue
from syncapp.jobs.queue import Lease
from syncapp.models import CaptureEntry, Restore, SyncField
from syncapp.models.capture.entry import EntryState
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import retried

RESET_DELAY = 1.0  # seconds until a contact with further entries is staged


@retried
def observe(lease: Lease, contact_id: UUID, stopped: QuerySet[CaptureEntry], *, reason: str) -> bool:
    """Mark these waiting entries of a contact as observed, and return whether other entries still wait.

    If none waits, finish the job. Raises LostLease.
    """
    queue.lock(lease)
    stopped.filter(state=EntryState.READ).update(state=EntryState.OBSERVED, reason=reason)
    if CaptureEntry.objects.filter(contact_id=contact_id, state=EntryState.READ).exists():
        return True
    queue.finish(lease)
    return False


def set_aside(contact_id: UUID, *, reason: str) -> None:
    """Set the waiting entries of a contact aside: a page shows them, and the contact's later edits are still staged."""
    waiting = CaptureEntry.objects.filter(contact_id=contact_id, state=EntryState.READ)
    waiting.update(state=EntryState.SET_ASIDE, reason=Reason.NOT_STAGED, problem=reason[:300])


@retried
def store(
    lease: Lease,
    history: ContactHistory,
    plan: Plan,
    *,
    restored: Mapping[str, str | None],
    now: datetime,
    staged_before: Mapping[UUID, StagedRecord] | None = None,
    refusals: Mapping[str, CrmError | None] | None = None,
) -> None:
    """Store the results of a plan; `restored` are the columns whose originals were written.

    `staged_before` are the edits already in the CRM, from a job whose answer was lost. Raises LostLease.
    """
    queue.lock(lease)
    # Edits in the CRM count as staged, even if a reviewer has approved them since and the plan therefore skips them.
    staged = {edit.entry.id for edit in plan.staged}.union(staged_before or ())
    CaptureEntry.objects.filter(pk__in=staged, state=EntryState.READ).update(state=EntryState.STAGED, reason="")
    skipped: dict[str, set[UUID]] = defaultdict(set)
    for (entry_id, _), why in plan.skipped.items():
        if entry_id not in staged:
            skipped[str(why)].add(entry_id)
    for reason, entry_ids in skipped.items():
        through = CaptureEntry.objects.filter(pk__in=entry_ids, state=EntryState.READ)
        # A rejected value that came again counts with the earlier decision.
        state = EntryState.STAGED if reason == SkipReason.REPEATED else EntryState.LET_THROUGH
        through.update(state=state, reason=reason)
    rows = _restores(history, plan, restored, staged_before or {}, now, refusals or {})
    Restore.objects.bulk_create(rows, ignore_conflicts=True)
    for repeat in plan.repeats:
        fields = SyncField.objects.filter(pk=repeat.rejection.decision)
        fields.update(repeats=F("repeats") + 1, repeated_at=Now())


def _restores(
    history: ContactHistory,
    plan: Plan,
    restored: Mapping[str, str | None],
    staged_before: Mapping[UUID, StagedRecord],
    now: datetime,
    refusals: Mapping[str, CrmError | None],
) -> list[Restore]:
    """Return a row for each changed column of each entry that a plan staged or counted with an earlier decision."""
    by_id = {entry.id: entry for entry in history.chain.entries}
    changes = [(edit.entry, change) for edit in plan.staged for change in edit.changes]
    for repeat in plan.repeats:
        column = repeat.rejection.column
        column_plan = plan.columns.get(column)
        original = column_plan.baseline if column_plan is not None else UNKNOWN
        outcome = column_plan.outcome if column_plan is not None else Outcome.OVERWRITTEN
        changes.append((by_id[repeat.entry], StagedChange(column, original, repeat.rejection.value, outcome)))
    rows = []
    for entry, change in changes:
        row, column = history.rows[entry.id], change.column
        was_restored = entry.id in staged_before and staged_before[entry.id].is_restored
        is_restored = (change.outcome is Outcome.RESTORE and column in restored) or (
            change.outcome is Outcome.ORIGINAL and was_restored
        )
        refusal = refusals.get(column)
        found = plan.columns[column].end.text if column in plan.columns else change.proposed
        rows.append(
            Restore(
                contact_id=row.contact_id,
                column_name=column,
                audit_id=entry.id,
                source=row.source,
                value_found=found if is_restored else change.proposed,
                value_restored=change.original.text if is_restored else None,
                result=RestoreResult.RESTORED if is_restored else RestoreResult.NOT_RESTORED,
                reason="" if is_restored else _reason(change.outcome, refusal),
                trouble="" if is_restored or refusal is None else refusal.message[:300],
                happened_at=entry.at,
                done_at=now,
                live_seconds=max(0.0, (now - entry.at).total_seconds()) if is_restored else None,
            )
        )
    return rows


def _reason(outcome: Outcome, refusal: CrmError | None) -> str:
    if outcome is not Outcome.RESTORE:
        return str(outcome)
    return f"refused_{refusal.status}" if refusal is not None and refusal.status else Outcome.REFUSED


@retried
def finish_or_reset(lease: Lease, contact_id: UUID) -> None:
    """Finish the job, or reset it for entries that were read in the meantime. Raises LostLease."""
    queue.lock(lease)
    if CaptureEntry.objects.filter(contact_id=contact_id, state=EntryState.READ).exists():
        queue.reset(lease, due_at=database_now(plus=RESET_DELAY))
    else:
        queue.finish(lease)
