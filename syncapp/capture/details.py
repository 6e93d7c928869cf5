"""The third step of a round: the values of entries that may matter, in batches.

Each read counts towards the CRM's daily allowance. So only entries with a tracked column are read, those by the
synchronization and those of contacts with an open Outlook edit first. Other values only serve as examples on a page, so
reading them may use only a small part of the allowance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from syncapp.capture import auditing, rhythm, sources, values
from syncapp.capture.policy import Reason
from syncapp.capture.rounds import Round
from syncapp.capture.values import ColumnChange
from syncapp.crm.audits.records import AuditDetails, AuditEntry, Operation
from syncapp.crm.errors import CrmError, Forbidden, NotFound
from syncapp.jobs.queue import failpoint
from syncapp.models import CaptureContact, CaptureEntry, CaptureValue
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureRule
from syncapp.models.locking import retried

BATCH_SIZE = 50
MAX_OTHERS_PER_ROUND = 100
MAX_ATTEMPTS = 5
# Entries that are not from Outlook are left unread after this time.
UNREAD_AFTER = timedelta(hours=1)
_WITH_VALUES = "AttributeAuditDetail"


def read(running: Round) -> bool:
    """Read the values that are needed; return False if the time ran out. Raises CrmError, LostLease."""
    failed: set[UUID] = set()  # tried again in the next round
    while entries := list(entries_to_read(running).exclude(pk__in=failed)[:BATCH_SIZE]):
        failed |= _read_batch(running, entries)
        if running.is_over():
            return False
    remaining = min(MAX_OTHERS_PER_ROUND, _allowance_left_for_others())
    while remaining > 0 and (entries := list(_unread().exclude(pk__in=failed)[: min(remaining, BATCH_SIZE)])):
        failed |= _read_batch(running, entries)
        remaining -= len(entries)
        if running.is_over():
            return False
    stale = (
        _unread().filter(read_at__lt=running.now - UNREAD_AFTER).exclude(pk__in=entries_to_read(running).values("pk"))
    )
    stale.update(state=EntryState.LET_THROUGH, reason=Reason.VALUES_NOT_READ)
    return True


def _allowance_left_for_others() -> int:
    """Return how many more entries that are not from Outlook may have their values read today (UTC)."""
    if not _unread().exists() or not rhythm.has_spare_allowance():
        return 0
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    read_today = CaptureEntry.objects.filter(read_at__gte=midnight, reason=Reason.NOT_OUTLOOK).count()
    return max(0, rhythm.allowance_for_others() - read_today)


def entries_to_read(running: Round) -> QuerySet[CaptureEntry]:
    """Return the unread entries that may be from Outlook, or belong to a contact with an open Outlook edit."""
    signed = CaptureContact.objects.filter(contact_id=OuterRef("contact_id"), signed_by__in=running.known.signers)
    # One subquery for all entries: without statistics, a database would search by source once per entry.
    edited = CaptureEntry.objects.open().filter(source=Source.OUTLOOK).values("contact_id")
    is_needed = Q(source=Source.OUTLOOK) | Exists(signed) | Q(contact_id__in=edited)
    if running.policy.rule is CaptureRule.ORIGINAL:
        is_needed |= Q(source__in=[Source.PROGRAM, Source.UNKNOWN])
    return _unread().filter(is_needed)


def _unread() -> QuerySet[CaptureEntry]:
    return CaptureEntry.objects.open().filter(state=EntryState.NEW).order_by("happened_at")


def _read_batch(running: Round, entries: Sequence[CaptureEntry]) -> set[UUID]:
    """Read the values of these entries; return those that are still unread."""
    ids = [entry.pk for entry in entries]
    answers = running.crm.audits.details_of(ids)
    for answer in answers:
        # The fault lies with the connection or a privilege, not with the entry.
        if isinstance(answer, CrmError) and (isinstance(answer, Forbidden) or answer.retry_after is not None):
            raise answer
    _store(running, list(zip(entries, answers, strict=True)))
    running.result.values += len(entries)
    failpoint("capture.read")
    return set(_unread().filter(pk__in=ids).values_list("pk", flat=True))


@retried
def _store(running: Round, answers: Iterable[tuple[CaptureEntry, AuditDetails | CrmError]]) -> None:
    found: list[CaptureValue] = []
    for entry, answer in answers:
        if isinstance(answer, CrmError):
            _postpone(running, entry, answer)
        elif answer.kind != _WITH_VALUES:
            _set_aside(
                running, entry, Reason.UNREADABLE, f"The CRM returned no values, only {answer.kind or 'nothing'}."
            )
        else:
            found += _conclude(running, entry, answer)
    CaptureValue.objects.bulk_create(
        found,
        update_conflicts=True,
        unique_fields=["entry", "column_name"],
        update_fields=["old_value", "new_value", "old_label", "new_label", "old_known", "new_known"],
    )
    running.extend_lease()


def _conclude(running: Round, entry: CaptureEntry, details: AuditDetails) -> list[CaptureValue]:
    """Store the source of an entry whose values were read; return its changes, unsaved."""
    watched = [*running.columns, running.revision]
    readable = auditing.readable_at(running.capture, entry.happened_at, watched)
    changed = values.changes(details, list(running.columns.values()), readable=readable)
    pair = values.revisions(details, running.revision)
    revision = sources.revision_of(*pair, is_audited=running.revision in readable)
    conclusion = sources.conclude(as_audit_entry(entry), running.known, revision=revision)
    state = EntryState.READ if changed else EntryState.LET_THROUGH
    reason = "" if changed else Reason.NO_TRACKED_COLUMN
    CaptureEntry.objects.filter(pk=entry.pk, state=EntryState.NEW).update(
        state=state,
        reason=reason,
        source=conclusion.source,
        evidence=conclusion.evidence,
        lacks_revision=conclusion.lacks_revision,
    )
    return [_value(entry, change) for change in changed]


def as_audit_entry(entry: CaptureEntry) -> AuditEntry:
    """Return the audit entry that this row stores."""
    return AuditEntry(
        id=entry.pk,
        created_on=entry.happened_at,
        operation=Operation.UPDATE,
        action=entry.action,
        row_id=entry.contact_id,
        user_id=entry.user_id,
        calling_user_id=entry.calling_user_id,
        transaction_id=entry.transaction_id,
    )


def _value(entry: CaptureEntry, change: ColumnChange) -> CaptureValue:
    return CaptureValue(
        entry=entry,
        column_name=change.column,
        old_value=change.old.text,
        new_value=change.new.text,
        old_label=change.old_label,
        new_label=change.new_label,
        old_known=change.old.is_known,
        new_known=change.new.is_known,
    )


def _postpone(running: Round, entry: CaptureEntry, error: CrmError) -> None:
    """Count a failed read; set the entry aside if a retry cannot help, or too many have failed."""
    if isinstance(error, NotFound):
        _set_aside(running, entry, Reason.NOT_IN_LOG, "The CRM deleted the entry before its values were read.")
    elif entry.attempts + 1 >= MAX_ATTEMPTS or not error.is_transient:
        _set_aside(running, entry, Reason.UNREADABLE, error.message)
    else:
        CaptureEntry.objects.filter(pk=entry.pk, state=EntryState.NEW).update(attempts=F("attempts") + 1)


def _set_aside(running: Round, entry: CaptureEntry, reason: Reason, problem: str) -> None:
    rows = CaptureEntry.objects.filter(pk=entry.pk, state=EntryState.NEW)
    rows.update(state=EntryState.SET_ASIDE, reason=reason, problem=problem[:300])
    running.result.set_aside += 1
