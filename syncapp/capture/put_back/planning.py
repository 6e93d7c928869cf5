"""Plans: the newest restore of each column in a time range, compared with our rows and with the CRM's live values.

create_plan ─▶ [PutBackPreparation: live values, 50 contacts per request] ─▶ preview
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from syncapp import audit
from syncapp.capture.columns import TABLE
from syncapp.capture.put_back import assessment
from syncapp.capture.put_back.errors import NotPossible
from syncapp.crm.client import MAX_CONTACTS_PER_REQUEST, CrmClient
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import STATE_COLUMNS, Column, LiveContact, staged_field_id
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import CONNECTION_BREAKERS, Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure, JobType, OperationRefused, Retry
from syncapp.mirror import columns
from syncapp.models import Breaker, Person, PutBackItem, PutBackPlan, PutBackPreparation, Restore, SyncField
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.jobs.job import JobState
from syncapp.models.locking import retried
from syncapp.models.mirror.sync_field import FieldDecision

MAX_ITEMS = 5000
CHUNK = 500
BREAKERS = (
    Breaker.Name.WRONG_ORGANIZATION,
    *CONNECTION_BREAKERS,
    Breaker.Name.FORBIDDEN_CAPTURE,
    Breaker.Name.REFUSED_CAPTURE,
)
ContactColumn = tuple[UUID, str]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Range:
    """The restores in a plan: from `begins_at` until just before `ends_at`, for one source and one column if given."""

    begins_at: datetime
    ends_at: datetime
    source: str = ""
    column: str = ""


@retried
def create_plan(wanted: Range, *, by: Person) -> PutBackPlan:
    """Create a plan from what was restored; its preview is ready once live values are read. Raises NotPossible."""
    if wanted.ends_at <= wanted.begins_at:
        raise NotPossible("The end must be after the beginning.")
    newest = _newest_restores(wanted)
    if not newest:
        raise NotPossible("Nothing was restored in this period.")
    if len(newest) > MAX_ITEMS:
        raise NotPossible(f"More than {MAX_ITEMS:,} fields were restored in this period. Choose a shorter one.")
    fields = fields_of(newest.values())
    later = later_restores(newest)
    plan = PutBackPlan.objects.create(
        begins_at=wanted.begins_at,
        ends_at=wanted.ends_at,
        source=wanted.source,
        column_name=wanted.column,
        created_by=by,
    )
    items = []
    for position, (key, restore) in enumerate(newest.items()):
        contact_id, column_name = key
        field = fields.get(restore.pk)
        leave_reason = assessment.assess_rows(restore, field, is_newest=key not in later)
        items.append(
            PutBackItem(
                plan=plan,
                position=position,
                restore=restore,
                field=field,
                contact_id=contact_id,
                column_name=column_name,
                result=PutBackResult.OPEN if leave_reason is None else PutBackResult.LEFT,
                why=leave_reason or "",
            )
        )
    PutBackItem.objects.bulk_create(items, batch_size=CHUNK)
    PutBackPreparation.objects.create(plan=plan, due_at=Now())
    audit.record("capture.put_back_planned", by=by, channel="settings", group=plan.pk, details={"fields": len(items)})
    return plan


def _newest_restores(wanted: Range) -> dict[ContactColumn, Restore]:
    """Return the newest restore of each column in the range, grouped by contact, in chronological order."""
    rows = Restore.objects.exclude(result=RestoreResult.NOT_RESTORED)
    rows = rows.filter(done_at__gte=wanted.begins_at, done_at__lt=wanted.ends_at)
    if wanted.source:
        rows = rows.filter(source=wanted.source)
    if wanted.column:
        rows = rows.filter(column_name=wanted.column)
    found: dict[UUID, dict[ContactColumn, Restore]] = {}
    # Restores of one change set have the same time; the CRM held the value of the newest edit among them.
    for row in rows.order_by("done_at", "happened_at", "pk")[: 4 * MAX_ITEMS].iterator():
        found.setdefault(row.contact_id, {})[row.contact_id, row.column_name] = row
    return {place: row for by_place in found.values() for place, row in by_place.items()}


def later_restores(newest: Mapping[ContactColumn, Restore]) -> set[ContactColumn]:
    """Return the contacts and columns that have a later restore than the given ones."""
    later: set[ContactColumn] = set()
    for batch in chunks(sorted({contact for contact, _ in newest}), CHUNK):
        rows = Restore.objects.filter(contact_id__in=batch).exclude(result=RestoreResult.NOT_RESTORED)
        for contact_id, column, done_at in rows.values_list("contact_id", "column_name", "done_at"):
            newest_restore = newest.get((contact_id, column))
            if newest_restore is not None and done_at > newest_restore.done_at:
                later.add((contact_id, column))
    return later


def fields_of(restores: Collection[Restore]) -> dict[int, SyncField]:
    """Return the staged field of each restore, with its record, by the restore's id.

    A rejected value that Outlook sent again belongs to the field that was rejected before.
    """
    found: dict[int, SyncField] = {}
    for batch in chunks(list(restores), CHUNK):
        ids = {staged_field_id(each.audit_id, each.column_name): each.pk for each in batch}
        for field in SyncField.objects.filter(pk__in=ids).select_related("record"):
            found[ids[field.pk]] = field
        repeats = [each for each in batch if each.pk not in found]
        rejected = SyncField.objects.filter(
            record__target_id__in={each.contact_id for each in repeats}, decision=FieldDecision.REJECTED, repeats__gt=0
        )
        repeated_fields = list(rejected.select_related("record").order_by("repeated_at"))
        for each in repeats:
            for field in repeated_fields:
                if (field.record.target_id, field.column_name, field.proposed_value) == (
                    *(each.contact_id, each.column_name),
                    each.value_found,
                ):
                    found[each.pk] = field
    return found


def chunks(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in chunks of at most `size`."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, size)):
        yield chunk


def prepare(plan_id: UUID, *, crm: CrmClient, seconds: float) -> None:
    """Read live values until all are read or the time is up. Safe to call twice, and after a crash at any point."""
    runner.run(PutBackPreparationJob(crm, seconds), plan_id)


@runner.register
class PutBackPreparationJob(JobType):
    """The job that reads live values for a plan; a failure is shown on the plan's page, with "Try again"."""

    name = "put_back_preparation"
    title = "Preparing to put restored values back"
    failures_at = "the plan’s page"
    model = PutBackPreparation
    breakers = BREAKERS
    overdue_after = 120.0

    def __init__(self, crm: CrmClient, seconds: float) -> None:
        self._crm = crm
        self._seconds = seconds

    def process(self, lease: Lease, permit: Permit) -> None:
        """Read contact by contact until the time is up; then make the job due again at once.

        Raises CrmError, LostLease.
        """
        until = time.monotonic() + self._seconds
        plan = PutBackPlan.objects.get(pk=lease.pk)
        with runner.reading():
            self._crm.verify_organization()
            columns.refresh(self._crm, table=TABLE)
        known = columns.of_table(TABLE)
        while contacts := _next_unread_contacts(plan):
            wanted = {
                contact_id: [known[name] for name in {*names, *STATE_COLUMNS} if name in known]
                for contact_id, names in contacts.items()
            }
            with runner.reading():
                answer = self._crm.live_contacts(wanted)
            _store_live_values(lease, plan, contacts, answer, known)
            queue.failpoint("put_back_preparation.read")
            if time.monotonic() > until:
                breakers.record_success(permit)
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return
        breakers.record_success(permit)
        with transaction.atomic():
            queue.finish(lease)
            PutBackPlan.objects.filter(pk=plan.pk, state=PutBackState.PREPARING).update(state=PutBackState.PLANNED)

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Trip the breaker for the CRM's error, and return what to do; None for an error that is not expected."""
        if isinstance(error, OperationRefused):
            columns.expire(TABLE)
            return runner.stop_operation(error.error, lease, breaker=Breaker.Name.REFUSED_CAPTURE)
        if isinstance(error, CrmError):
            return runner.retry_crm_error(error, lease, forbidden_breaker=Breaker.Name.FORBIDDEN_CAPTURE)
        return None


def _next_unread_contacts(plan: PutBackPlan) -> dict[UUID, list[str]]:
    """Return the next contacts whose live values have not been read yet, with their columns."""
    if not PutBackPlan.objects.filter(pk=plan.pk, state=PutBackState.PREPARING).exists():
        return {}
    items = plan.items.filter(result=PutBackResult.OPEN, live_read_at=None).order_by("position")
    found: dict[UUID, list[str]] = {}
    for contact_id, column in items.values_list("contact_id", "column_name")[: 2 * CHUNK]:
        if contact_id not in found and len(found) == MAX_CONTACTS_PER_REQUEST:
            break
        found.setdefault(contact_id, []).append(column)
    return found


@retried
def _store_live_values(
    lease: Lease,
    plan: PutBackPlan,
    contacts: Mapping[UUID, Collection[str]],
    answer: Mapping[UUID, LiveContact],
    known: Mapping[str, Column],
) -> None:
    queue.extend_lease(lease)
    unread = Q(result=PutBackResult.OPEN, live_read_at=None, contact_id__in=list(contacts))
    items = list(plan.items.filter(unread).select_related("restore"))
    for item in items:
        contact = answer.get(item.contact_id)
        item.live_value = contact.values.get(item.column_name) if contact is not None else None
        item.live_read_at = Now()
        if leave_reason := assessment.assess_contact(item.restore, known.get(item.column_name), contact):
            item.result, item.why = PutBackResult.LEFT, leave_reason
    PutBackItem.objects.bulk_update(items, ["live_value", "live_read_at", "result", "why"])


def retry_preparation(plan_id: UUID) -> None:
    """Continue a failed preparation. Raises NotPossible."""
    failed = PutBackPreparation.objects.filter(pk=plan_id, plan__state=PutBackState.PREPARING, state=JobState.FAILED)
    fresh = {"state": JobState.READY, "attempts": 0, "last_error": "", "finished_at": None, "dispatched_at": None}
    if not failed.update(due_at=Now(), **fresh):
        raise NotPossible("The preparation has not failed. Reload the page.")
