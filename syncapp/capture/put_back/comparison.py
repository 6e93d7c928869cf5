"""The comparison of one contact in a plan with our current rows and the CRM's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from syncapp.capture.columns import TABLE
from syncapp.capture.put_back import assessment, planning
from syncapp.capture.put_back.assessment import LeaveReason
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import Rejected
from syncapp.crm.staging.records import STATE_COLUMNS, Column, DeliverySnapshot
from syncapp.crm.transport import Deadline
from syncapp.jobs import runner
from syncapp.jobs.queue import Lease, failpoint
from syncapp.jobs.runner import OperationRefused
from syncapp.mirror.edits import contact_columns, staging_columns
from syncapp.models import PutBackItem, PutBackJob, PutBackPlan, SyncField
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.mirror.sync_field import FieldDecision


@dataclass(frozen=True, slots=True)
class Work:
    """A leased job with everything its steps need."""

    lease: Lease
    job: PutBackJob
    crm: CrmClient
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Comparison:
    """The open items of a contact. `left` says why an item is left alone; `done` were written by an earlier attempt.

    `open_fields` are all undecided fields of the same edits, including those of the items.
    """

    items: tuple[PutBackItem, ...]
    open_fields: tuple[SyncField, ...]
    snapshot: DeliverySnapshot
    columns: Mapping[str, Column]
    left: Mapping[int, LeaveReason]
    done: frozenset[int]

    @property
    def to_write(self) -> list[PutBackItem]:
        """Return the items whose column still holds the restored value."""
        return [each for each in self.items if each.pk not in self.left and each.pk not in self.done]


def is_plan_running(job: PutBackJob) -> bool:
    """Return whether the job's plan is still running."""
    return PutBackPlan.objects.filter(pk=job.plan_id, state=PutBackState.RUNNING).exists()


def compare(work: Work) -> Comparison:
    """Read our rows and the CRM's, and judge each item. Raises CrmError, OperationRefused."""
    rows = PutBackItem.objects.filter(plan=work.job.plan_id, contact_id=work.job.contact_id, result=PutBackResult.OPEN)
    items = tuple(rows.select_related("restore", "field__record").order_by("position"))
    records = sorted({each.field.record_id for each in items if each.field is not None})
    undecided = SyncField.objects.filter(record__in=records, decision=FieldDecision.PENDING)
    open_fields = tuple(undecided.select_related("record").order_by("pk"))
    names = {each.column_name for each in items} | {each.column_name for each in open_fields}
    known, snapshot = _read(work, names, records)
    later = planning.later_restores({(each.contact_id, each.column_name): each.restore for each in items})
    is_running = is_plan_running(work.job)
    left: dict[int, LeaveReason] = {}
    done: set[int] = set()
    for item in items:
        is_newest = (item.contact_id, item.column_name) not in later
        found = assessment.assess_rows(item.restore, item.field, is_newest=is_newest)
        found = found or assessment.assess_contact(item.restore, known.get(item.column_name), snapshot.contact)
        if found is LeaveReason.ALREADY and work.lease.outcome_unknown and _is_marked_unrestored(item, snapshot):
            done.add(item.pk)
            continue
        found = found or assessment.assess_staged_row(snapshot.fields.get(item.field_id) if item.field_id else None)
        if found is not None or not is_running:
            left[item.pk] = found or LeaveReason.STOPPED
    return Comparison(items, open_fields, snapshot, known, left, frozenset(done))


def _is_marked_unrestored(item: PutBackItem, snapshot: DeliverySnapshot) -> bool:
    """Return whether the edit is marked as not restored; our change set writes that mark together with the value."""
    record = snapshot.records.get(item.field.record_id) if item.field is not None else None
    return record is not None and not record.is_restored


def _read(
    work: Work, names: Collection[str], records: Collection[UUID]
) -> tuple[Mapping[str, Column], DeliverySnapshot]:
    with runner.reading():
        known = contact_columns.for_writing(TABLE, crm=work.crm)
        if not staging_columns.has_origin(work.crm, retry=True):
            raise OperationRefused(Rejected("The staging table lacks the columns that capture needs.", status=400))
        snapshot = work.crm.read_for_delivery(
            table=TABLE,
            contact_id=work.job.contact_id,
            columns=[known[name] for name in sorted({*names, *STATE_COLUMNS} & known.keys())],
            record_ids=list(records),
            with_revision=contact_columns.has_revision(known),
            with_origin=True,
            deadline=work.deadline,
        )
    failpoint("put_back.read")
    return known, snapshot
