"""The job that stages the captured edits of one contact and restores its originals; nothing else does either.

    claim ─▶ read our entries ─▶ read the CRM ─▶ plan (chains) ─▶ mark sent ─▶ one change set ─▶ store results

The change set creates an edit for each entry to stage, with its fields, and writes the originals into the contact, all
or nothing. Each edit is created under the id of its audit entry and never updated, and the contact's part carries the
version just read. So a job whose answer was lost starts again with the same steps: staged edits are left out, and an
original that is already back is not written again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.capture import brakes, chains, columns, history, identities, policy, staging_results
from syncapp.capture.chain_records import LiveState, Outcome, Plan
from syncapp.capture.history import ContactHistory
from syncapp.capture.policy import Policy
from syncapp.capture.staging_writes import change_set
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden, NotFound, Rejected, Stale
from syncapp.crm.staging.contact_names import NAME, PARTS
from syncapp.crm.staging.records import STATE_COLUMNS, Column, ContactState, StagingSnapshot
from syncapp.crm.transport import Deadline
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import WRITE_BREAKERS, Permit
from syncapp.jobs.queue import Lease, failpoint
from syncapp.jobs.runner import Failure, JobType, OperationRefused, Retry
from syncapp.mirror import uses
from syncapp.mirror.edits import contact_columns, staging_columns
from syncapp.mirror.uses import Use
from syncapp.models import Breaker, Capture, CaptureContact, CaptureEntry, CaptureJob
from syncapp.models.capture.entry import EntryState
from syncapp.models.capture.settings import CaptureMode

BREAKERS = (*WRITE_BREAKERS, Breaker.Name.FORBIDDEN_CAPTURE, Breaker.Name.REFUSED_CAPTURE)
LATE_AFTER = timedelta(minutes=15)
STALE_ROUNDS = 3
STALE_PAUSE = 30.0
MISSING_ENTRIES_PAUSE = 5.0  # seconds until the job looks again for entries that have not arrived
REFUSED_RESTORES = (Rejected, NotFound, Forbidden)


@dataclass(frozen=True, slots=True)
class _Work:
    """A leased job with everything its steps need."""

    lease: Lease
    contact_id: UUID
    crm: CrmClient
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class _Settings:
    """The capture settings on which a plan relies."""

    mode_since: datetime | None
    policy: Policy


@dataclass(frozen=True, slots=True)
class _StagingPlan:
    """A plan, and what it was made from: the settings, our history, and the CRM's rows."""

    settings: _Settings
    history: ContactHistory
    snapshot: StagingSnapshot
    plan: Plan
    columns: dict[str, Column]
    now: datetime


class _EntriesMissing(Exception):
    """Entries of this contact have not arrived, or their values have not been read yet."""


class _SettingsChanged(Exception):
    """Capture was paused or switched while this job was reading, so its plan must not be sent."""


def stage(job_id: int, *, crm: CrmClient) -> bool:
    """Stage and restore the captured edits of one contact; return False if the job could not be claimed.

    Safe to call twice, concurrently, and after a crash at any step. Errors are stored in the rows, never raised.
    """
    return runner.run(CaptureStagingJob(crm), job_id)


@runner.register
class CaptureStagingJob(JobType):
    """The job that stages the edits of one contact; after a failure, it is tried again with the contact's next edit."""

    name = "capture"
    title = "Staging edits from Outlook"
    failures_at = "Settings, Connection"
    needs_writes = "review_writes"
    model = CaptureJob
    breakers = BREAKERS

    def __init__(self, crm: CrmClient) -> None:
        self._crm = crm

    def is_enabled(self) -> bool:
        """Return whether this connection may write."""
        return self._crm.writes_are_allowed()

    def process(self, lease: Lease, permit: Permit) -> None:
        """Read, plan, write and store. Raises CrmError, LostLease."""
        contact_id = CaptureJob.objects.values_list("contact_id", flat=True).get(pk=lease.pk)
        work = _Work(lease, contact_id, self._crm, Deadline.after(settings.HTTP_SECONDS))
        # Checked again for each contact, so that stopping takes effect before the next one.
        brakes.check()
        if not _observe_stopped(work):
            breakers.release(permit)
            return
        with runner.reading():
            self._crm.verify_organization(deadline=work.deadline)
        _stage(work)
        breakers.record_success(permit)
        uses.note(Use.ARRIVALS)
        staging_results.finish_or_reset(lease, contact_id)
        failpoint("capture.finished")

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Trip the breaker for the CRM's error, and return what to do; None for an error that is not expected."""
        if isinstance(error, _EntriesMissing):
            reason = "Entries of the audit log did not appear."
            return Retry(
                "waiting", reason, MISSING_ENTRIES_PAUSE, costs_attempt=False, outcome_unknown=_was_sent(lease)
            )
        if isinstance(error, _SettingsChanged):
            reason = "Capture was switched during staging."
            return Retry("switched", reason, 0, costs_attempt=False, outcome_unknown=_was_sent(lease))
        if isinstance(error, Stale):
            reason = f"The contact changed in the CRM during staging, {lease.attempts} times in a row."
            return Retry("Stale", reason, STALE_PAUSE, outcome_unknown=_was_sent(lease))
        if isinstance(error, OperationRefused):
            return runner.stop_operation(error.error, lease, breaker=Breaker.Name.REFUSED_CAPTURE)
        if isinstance(error, CrmError):
            return runner.retry_crm_error(error, lease, forbidden_breaker=Breaker.Name.FORBIDDEN_CAPTURE)
        return None

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Set the contact's waiting entries aside, with the reason. Raises LostLease."""
        contact_id = CaptureJob.objects.values_list("contact_id", flat=True).get(pk=lease.pk)
        staging_results.set_aside(contact_id, reason=failure.reason)
        queue.mark_failed(lease, error=failure.code)


def _was_sent(lease: Lease) -> bool:
    """Return whether a request was sent whose result is not stored yet."""
    return bool(lease.row().values_list("outcome_unknown", flat=True).first())


def _observe_stopped(work: _Work) -> bool:
    """Mark edits that are no longer to be staged as observed; return whether other edits still wait.

    Edits that an earlier attempt staged without an answer are stored as staged. Raises CrmError, LostLease.
    """
    capture = Capture.objects.filter(slot=1).first()
    stopped = CaptureEntry.objects.filter(contact_id=work.contact_id, state=EntryState.READ)
    if capture is not None and capture.mode in brakes.RUNNING:
        enabled = policy.load(capture).switched_on
        stopped = stopped.filter(reason=policy.TO_STAGE).exclude(source__in=list(enabled))
        if not stopped.exists():
            return True
        reason = policy.Reason.SOURCE_OFF
    else:
        is_paused = capture is not None and capture.mode == CaptureMode.PAUSED
        reason = policy.Reason.PAUSED if is_paused else policy.Reason.OBSERVING
    if capture is not None and work.lease.outcome_unknown and stopped.exists():
        _store_sent_edits(work)
    return staging_results.observe(work.lease, work.contact_id, stopped, reason=reason)


def _store_sent_edits(work: _Work) -> None:
    """Store the edits that an earlier attempt wrote to the CRM before its answer was lost; send nothing."""
    with runner.reading():
        work.crm.verify_organization(deadline=work.deadline)
    found = _plan(work)
    edits = tuple(edit for edit in found.plan.staged if edit.entry.id in found.snapshot.staged)
    sent = replace(found.plan, staged=edits, skipped={}, repeats=())
    before = found.snapshot.staged
    staging_results.store(work.lease, found.history, sent, restored={}, staged_before=before, now=found.now)


def _stage(work: _Work) -> None:
    """Stage and restore in one change set; if the restore is refused, only stage. Raises CrmError, LostLease."""
    refusal: CrmError | None = None
    for _ in range(STALE_ROUNDS):
        found = _read_and_plan(work)
        try:
            _send(work, found, restores=found.plan.restores)
        except Stale as error:
            refusal = error
            continue
        except REFUSED_RESTORES as error:
            if error.refuses_operation:
                raise OperationRefused(error) from error
            refusal = error
            if found.plan.restores:
                break
            continue  # the contact may have been deleted since it was read
        staging_results.store(
            work.lease,
            found.history,
            found.plan,
            restored=found.plan.restores,
            staged_before=found.snapshot.staged,
            now=found.now,
        )
        failpoint("capture.stored")
        return
    _stage_without_restores(work, refusal)


def _stage_without_restores(work: _Work, refusal: CrmError | None) -> None:
    """Stage without restoring, then restore columns one by one, so that a refused value does not stop the others."""
    found = _read_and_plan(work)
    plan = _without_restores(found.plan)
    try:
        _send(work, replace(found, plan=plan), restores={})
    except REFUSED_RESTORES as error:
        if error.refuses_operation:
            raise OperationRefused(error) from error
        raise  # only this edit is refused; others may be accepted
    failpoint("capture.staged")
    restored: dict[str, str | None] = {}
    refusals: dict[str, CrmError | None] = dict.fromkeys(found.plan.restores, refusal)
    if not isinstance(refusal, Stale | Forbidden) and len(found.plan.restores) > 1:
        for column in found.plan.restores:
            refusals[column] = _restore_one(work, column)
            if refusals[column] is None:
                restored[column] = found.plan.restores[column]
    staging_results.store(
        work.lease,
        found.history,
        found.plan,
        restored=restored,
        staged_before=found.snapshot.staged,
        now=found.now,
        refusals=refusals,
    )
    failpoint("capture.stored")


def _restore_one(work: _Work, column: str) -> CrmError | None:
    """Restore one column, unless its value has changed since; return the refusal, if any."""
    found = _read_and_plan(work)
    if column not in found.plan.restores:
        return Stale("The value has since changed in the CRM.", status=412, code="changed")
    try:
        _send(work, found, restores={column: found.plan.restores[column]})
    except (Stale, *REFUSED_RESTORES) as error:
        return error
    return None


def _without_restores(plan: Plan) -> Plan:
    """Return the plan without its restores."""
    staged = tuple(
        replace(
            edit,
            changes=tuple(
                replace(each, outcome=Outcome.REFUSED) if each.outcome is Outcome.RESTORE else each
                for each in edit.changes
            ),
        )
        for edit in plan.staged
    )
    return replace(plan, staged=staged)


def _read_and_plan(work: _Work) -> _StagingPlan:
    """Read our rows and the CRM's, and make the plan.

    Raises CrmError, _EntriesMissing if entries of the contact are undecided or awaited, _SettingsChanged.
    """
    undecided = Q(state=EntryState.NEW) | Q(state=EntryState.READ) & ~Q(reason=policy.TO_STAGE)
    waiting = CaptureEntry.objects.filter(undecided, contact_id=work.contact_id)
    awaited = CaptureContact.objects.filter(contact_id=work.contact_id, awaited_until__gt=Now())
    if waiting.exists() or awaited.exists():
        raise _EntriesMissing
    return _plan(work)


def _plan(work: _Work) -> _StagingPlan:
    """Read our rows and the CRM's, and make the plan. Raises CrmError, _SettingsChanged."""
    capture, capture_settings = _settings()
    with runner.reading():
        known = contact_columns.for_writing(columns.TABLE, crm=work.crm)
        if not staging_columns.has_origin(work.crm, retry=True):
            raise OperationRefused(Rejected("The staging table lacks the columns that capture needs.", status=400))
        signers = identities.known_users(work.crm).signers
        past = history.load(
            work.contact_id,
            capture=capture,
            policy=capture_settings.policy,
            signers=signers,
        )
        wanted = sorted({*past.columns, *STATE_COLUMNS, NAME, *PARTS} & known.keys())
        snapshot = work.crm.read_for_staging(
            table=columns.TABLE,
            contact_id=work.contact_id,
            columns=[known[name] for name in wanted],
            operation_ids=[row.audit_id for row in past.rows.values() if row.state == EntryState.READ],
            with_revision=contact_columns.has_revision(known),
            deadline=work.deadline,
        )
    failpoint("capture.read")
    now: datetime = CaptureJob.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=work.lease.pk)
    rules = history.rules(known, now=now, late_after=LATE_AFTER)
    live = None
    if (contact := snapshot.contact) is not None:
        is_active, is_merged = contact.state is ContactState.ACTIVE, contact.state is ContactState.MERGED
        live = LiveState(contact.values, is_active=is_active, is_merged=is_merged)
    plan = chains.make_plan(past.chain, live, rules)
    return _StagingPlan(capture_settings, past, snapshot, plan, dict(known), now)


def _settings() -> tuple[Capture, _Settings]:
    """Return the capture settings. Raises _SettingsChanged if there are none."""
    capture = Capture.objects.filter(slot=1).first()
    if capture is None:
        raise _SettingsChanged
    return capture, _Settings(capture.mode_since, policy.load(capture))


def _send(work: _Work, found: _StagingPlan, *, restores: dict[str, str | None]) -> None:
    """Send what is not in the CRM yet, unless capture has been paused or switched since.

    Raises CrmError, LostLease, _SettingsChanged.
    """
    with runner.reading():
        lookups = staging_columns.lookups(work.crm)
    sent = change_set(found.plan, found.history, found.snapshot, restores, columns=found.columns, lookups=lookups)
    if sent is None:
        return
    if _settings()[1] != found.settings:
        raise _SettingsChanged
    queue.mark_sent(work.lease)
    failpoint("capture.sent")
    work.crm.apply(sent, tag=f"osync-capture-{work.lease.pk}", deadline=work.deadline)
    failpoint("capture.answered")
