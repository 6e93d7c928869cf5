"""Results of a contact's job, stored in its items, restores, edits and the audit log; the last job ends the plan.

All of this runs in the transaction that proves the lease, so a worker that lost its lease changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit
from syncapp.capture.put_back.assessment import LeaveReason
from syncapp.capture.put_back.comparison import Comparison
from syncapp.crm.errors import CrmError, Forbidden, NotFound, Stale
from syncapp.crm.staging.records import LiveContact
from syncapp.crm.values import conversion
from syncapp.jobs import queue
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure
from syncapp.models import PutBackItem, PutBackJob, PutBackPlan, Restore, SyncField, SyncRecord
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.models.locking import locked, retried
from syncapp.models.mirror.sync_field import FieldDecision

OUTCOME_UNKNOWN = "It is not known whether it was written; Retry checks that first."


@retried
def store(
    lease: Lease,
    found: Comparison,
    *,
    done: Collection[PutBackItem],
    written: LiveContact | None = None,
    refused: Mapping[int, CrmError] | None = None,
) -> None:
    """Store each item's result and finish the job; `written` is the CRM's answer for `done` items. Raises LostLease."""
    queue.lock(lease)
    plan = _lock_plan(lease)
    put_back = {each.pk for each in done} | found.done
    refused = refused or {}
    contact, facts = found.snapshot.contact, []
    _store_fields(found, put_back, written)
    for item in found.items:
        live = contact.values.get(item.column_name) if contact is not None else None
        rows = PutBackItem.objects.filter(pk=item.pk, result=PutBackResult.OPEN)
        if item.pk in put_back:
            rows.update(
                result=PutBackResult.DONE, why="", trouble="", live_value=item.restore.value_found, done_at=Now()
            )
            facts.append(_fact(item, plan))
            _mark_restore(item.restore)
        elif item.pk in refused:
            failure = _describe_refusal(refused[item.pk])
            rows.update(result=PutBackResult.FAILED, trouble=failure[:300], live_value=live, live_read_at=Now())
        elif item.pk in found.left:
            rows.update(result=PutBackResult.LEFT, why=found.left[item.pk], live_value=live, live_read_at=Now())
    audit.record_all(facts)
    queue.finish(lease)
    _close_if_finished(plan)


@retried
def leave_alone(lease: Lease) -> None:
    """Leave the open items of a stopped plan alone, and finish the job. Raises LostLease."""
    queue.lock(lease)
    plan = _lock_plan(lease)
    contact_id = PutBackJob.objects.values_list("contact_id", flat=True).get(pk=lease.pk)
    items = PutBackItem.objects.filter(plan=plan, contact_id=contact_id, result=PutBackResult.OPEN)
    items.update(result=PutBackResult.LEFT, why=LeaveReason.STOPPED)
    queue.finish(lease)
    _close_if_finished(plan)


def fail(lease: Lease, failure: Failure) -> None:
    """Mark the open items as failed, and the job too. Raises LostLease."""
    queue.lock(lease)
    plan = _lock_plan(lease)
    job = PutBackJob.objects.get(pk=lease.pk)
    reason = f"{failure.reason} {OUTCOME_UNKNOWN}" if job.outcome_unknown else failure.reason
    items = PutBackItem.objects.filter(plan=plan, contact_id=job.contact_id, result=PutBackResult.OPEN)
    items.update(result=PutBackResult.FAILED, trouble=reason[:300])
    queue.mark_failed(lease, error=failure.code)
    _close_if_finished(plan)


def _lock_plan(lease: Lease) -> PutBackPlan:
    """Lock and return the plan, so that the last of its jobs sees that all others have ended."""
    job = PutBackJob.objects.get(pk=lease.pk)
    return locked(PutBackPlan.objects.select_related("started_by")).get(pk=job.plan_id)


def _mark_restore(restore: Restore) -> None:
    """Mark a restore as undone, with those of older edits that the same change set restored in the same column."""
    together = Restore.objects.filter(
        contact_id=restore.contact_id, column_name=restore.column_name, done_at=restore.done_at
    )
    together.filter(result=RestoreResult.RESTORED).update(result=RestoreResult.PUT_BACK)


def _store_fields(found: Comparison, put_back: Collection[int], written: LiveContact | None) -> None:
    """Store the CRM's current values in the contact's undecided fields, and whether its edits are restored."""
    contact = found.snapshot.contact
    if contact is None:
        return
    now, labels = dict(contact.values), dict(contact.labels)
    flags = {record.id: record.is_restored for record in found.snapshot.records.values()}
    for item in found.items:
        if item.pk in put_back:
            name = item.column_name
            now[name] = written.values.get(name) if written is not None else item.restore.value_found
            labels[name] = written.labels.get(name, "") if written is not None else ""
            if item.field is not None:
                flags[item.field.record_id] = False
    rows = SyncField.objects.filter(pk__in=[each.pk for each in found.open_fields], decision=FieldDecision.PENDING)
    for row in locked(rows.select_related("record")):
        if row.column_name in now:
            _store_field(row, found, now[row.column_name], labels.get(row.column_name, ""), flags)
    for pk, is_restored in flags.items():
        SyncRecord.objects.filter(pk=pk).update(is_restored=is_restored)


def _store_field(row: SyncField, found: Comparison, value: str | None, label: str, flags: Mapping[UUID, bool]) -> None:
    column = found.columns.get(row.column_name)
    is_same = column is not None and conversion.same(column.type, value, row.expected_value)
    if is_same and row.record.is_restored == flags.get(row.record_id, row.record.is_restored):
        return
    SyncField.objects.filter(pk=row.pk).update(
        crm_now_value=value, crm_now_label=label, crm_now_read_at=Now(), revision=F("revision") + 1
    )


def _fact(item: PutBackItem, plan: PutBackPlan) -> audit.Fact:
    return audit.Fact(
        "field.restore.put_back",
        by=plan.started_by,
        channel="worker",
        group=plan.pk,
        is_part=True,
        record_id=item.field.record_id if item.field is not None else None,
        field_id=item.field_id,
        column=item.column_name,
        details={"column": item.column_name},
        before=item.restore.value_restored,
        after=item.restore.value_found,
    )


def _describe_refusal(error: CrmError) -> str:
    if isinstance(error, Stale):
        return "The contact kept changing in the CRM."
    if isinstance(error, Forbidden):
        return f"The portal lacks the privilege to write this contact. The CRM’s answer: {error.message}"
    if isinstance(error, NotFound):
        return f"The row that the value refers to is no longer in the CRM. The CRM’s answer: {error.message}"
    return f"The CRM refused it: {error.message}"


def _close_if_finished(plan: PutBackPlan) -> None:
    """End the locked plan if none of its jobs is open."""
    if PutBackJob.objects.filter(plan=plan, state__in=OPEN_STATES).exists():
        return
    rows = PutBackPlan.objects.filter(pk=plan.pk)
    ended = rows.filter(state=PutBackState.RUNNING).update(state=PutBackState.DONE, finished_at=Now())
    ended += rows.filter(state=PutBackState.STOPPED, finished_at=None).update(finished_at=Now())
    if ended:
        counts = Counter(PutBackItem.objects.filter(plan=plan).values_list("result", flat=True))
        audit.record("capture.put_back_ended", by=None, channel="worker", group=plan.pk, details=dict(counts))
