"""The job that puts the values of one contact back.

    claim ─▶ compare ─▶ mark sent ─▶ one change set ─▶ store results

The change set writes the contact, marks its edits as not restored, and touches each field, all with the versions just
read: if a reviewer or anyone else was first, nothing is written. Before it is sent, our own fields say that the CRM
holds the value from Outlook, so that a rejection from then on writes the original. A job whose answer was lost starts
again with the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from syncapp.capture.put_back import comparison, results
from syncapp.capture.put_back.comparison import Comparison, Work
from syncapp.capture.staging import BREAKERS, REFUSED_RESTORES, STALE_PAUSE, STALE_ROUNDS
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, NotFound, Stale
from syncapp.crm.staging.records import AppliedValue, ChangeSet, ContactWrite, LiveContact, RestoredFlag
from syncapp.crm.transport import Deadline
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease, failpoint
from syncapp.jobs.runner import Failure, JobType, OperationRefused, Retry
from syncapp.mirror import uses
from syncapp.mirror.uses import Use
from syncapp.models import Breaker, PutBackItem, PutBackJob, SyncField, SyncRecord
from syncapp.models.locking import locked, retried
from syncapp.models.mirror.sync_field import FieldDecision


class _FieldDecided(Stale):
    """A reviewer decided a field between reading and sending; nothing was sent."""


def put_back(job_id: int, *, crm: CrmClient) -> bool:
    """Put the values of one contact back; return False if the job could not be claimed.

    Safe to call twice, concurrently, and after a crash at any step. Errors are stored in the rows, never raised.
    """
    return runner.run(PutBackContactJob(crm), job_id)


@runner.register
class PutBackContactJob(JobType):
    """The job that puts one contact's values back; failed fields are listed with the reason, and can be retried."""

    name = "put_back"
    title = "Putting restored values back"
    failures_at = "the plan’s page"
    needs_writes = "review_writes"
    model = PutBackJob
    breakers = BREAKERS

    def __init__(self, crm: CrmClient) -> None:
        self._crm = crm

    def is_enabled(self) -> bool:
        """Return whether this connection may write."""
        return self._crm.writes_are_allowed()

    def process(self, lease: Lease, permit: Permit) -> None:
        """Compare, write and store. Raises CrmError, LostLease."""
        job = PutBackJob.objects.get(pk=lease.pk)
        work = Work(lease, job, self._crm, Deadline.after(settings.HTTP_SECONDS))
        if not lease.outcome_unknown and not comparison.is_plan_running(job):
            results.leave_alone(lease)
            breakers.release(permit)
            return
        with runner.reading():
            self._crm.verify_organization(deadline=work.deadline)
        _put_back(work)
        breakers.record_success(permit)
        uses.note(Use.ARRIVALS)
        failpoint("put_back.finished")

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Trip the breaker for the CRM's error, and return what to do; None for an error that is not expected."""
        if isinstance(error, Stale):
            return Retry("Stale", "The contact kept changing in the CRM.", after=STALE_PAUSE)
        if isinstance(error, OperationRefused):
            return runner.stop_operation(error.error, lease, breaker=Breaker.Name.REFUSED_CAPTURE)
        if isinstance(error, CrmError):
            return runner.retry_crm_error(error, lease, forbidden_breaker=Breaker.Name.FORBIDDEN_CAPTURE)
        return None

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Mark each open field as failed, with the reason. Raises LostLease."""
        results.fail(lease, failure)


def _put_back(work: Work) -> None:
    """Write the columns that still hold the restored value in one change set; if it is refused, column by column.

    Raises CrmError, LostLease.
    """
    stale = Stale("The contact kept changing in the CRM.", status=412)
    for _ in range(STALE_ROUNDS):
        found = comparison.compare(work)
        written = None
        try:
            if found.to_write:
                written = _send(work, found, found.to_write)
        except Stale as error:
            stale = error
            continue
        except REFUSED_RESTORES as error:
            if error.refuses_operation:
                raise OperationRefused(error) from error
            _put_back_one_by_one(work, found.to_write, error)
            return
        results.store(work.lease, found, written=written, done=found.to_write)
        failpoint("put_back.stored")
        return
    raise stale


def _put_back_one_by_one(work: Work, items: Sequence[PutBackItem], refusal: CrmError) -> None:
    """Write the columns one by one, so that a refused value does not stop the others. Raises CrmError, LostLease."""
    refused = {items[0].pk: refusal} if len(items) == 1 else {}
    written: list[int] = []
    for item in items if len(items) > 1 else ():
        found = comparison.compare(work)
        try:
            if still_open := [each for each in found.to_write if each.pk == item.pk]:
                _send(work, found, still_open)
                written.append(item.pk)
        except (Stale, *REFUSED_RESTORES) as error:
            refused[item.pk] = error
    found = comparison.compare(work)
    done = [each for each in found.items if each.pk in written]
    results.store(work.lease, found, done=done, refused=refused)
    failpoint("put_back.stored")


def _send(work: Work, found: Comparison, items: Sequence[PutBackItem]) -> LiveContact | None:
    """Send one change set; return the contact as the CRM stored it. Raises CrmError, LostLease."""
    contact, snapshot = found.snapshot.contact, found.snapshot
    if contact is None:
        raise NotFound("The contact was deleted in the CRM.", status=404)
    values = tuple((found.columns[each.column_name], each.restore.value_found) for each in items)
    # The raised revision shows forms and other tools that this is not an Outlook edit.
    revision = None if contact.revision is None else contact.revision + 1
    fields = [snapshot.fields[each.field_id] for each in items if each.field_id is not None]
    records = [snapshot.records[each] for each in sorted({field.record_id for field in fields if field.record_id})]
    change_set = ChangeSet(
        contact=ContactWrite(contact.id, contact.etag, revision, values),
        applied=tuple(AppliedValue(field.id, field.etag, field.applied) for field in fields),
        flags=tuple(RestoredFlag(record.id, record.etag, is_restored=False) for record in records),
    )
    _mark_sent(work.lease, found, items)
    failpoint("put_back.sent")
    written = work.crm.apply(change_set, tag=f"osync-put-back-{work.lease.pk}", deadline=work.deadline)
    failpoint("put_back.answered")
    return written


@retried
def _mark_sent(lease: Lease, found: Comparison, items: Sequence[PutBackItem]) -> None:
    """Store in our rows the values that the CRM is about to get. Raises _FieldDecided, LostLease."""
    queue.mark_sent(lease)
    by_field = {each.field_id: each for each in items}
    records = {field.record_id for field in found.open_fields if field.pk in by_field}
    rows = SyncField.objects.filter(record__in=records, decision=FieldDecision.PENDING)
    undecided = {row.pk: row for row in locked(rows.select_related("record"))}
    if not by_field.keys() <= undecided.keys():
        raise _FieldDecided("The field was decided in the meantime.", status=412)
    live = found.snapshot.contact.values if found.snapshot.contact is not None else {}
    for pk, row in undecided.items():
        if pk in by_field:
            outlook_value = by_field[pk].restore.value_found
            SyncField.objects.filter(pk=pk).update(
                crm_now_value=outlook_value, crm_now_label="", crm_now_read_at=Now(), revision=F("revision") + 1
            )
        elif row.crm_now_read_at is None and row.column_name in live:
            # Once the edit is not restored, a field without a value read would be expected to hold its proposal.
            SyncField.objects.filter(pk=pk).update(crm_now_value=live[row.column_name], crm_now_read_at=Now())
    SyncRecord.objects.filter(pk__in=records).update(is_restored=False)
