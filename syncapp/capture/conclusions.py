"""The last step of a round: the source of each change, if it is known, and its handling.

An entry that may be from Outlook waits until all entries for its contact have arrived, or the waiting time is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from syncapp.capture import echoes, policy, scheduling, signature, sources
from syncapp.capture.details import as_audit_entry, entries_to_read
from syncapp.capture.policy import TO_STAGE, Facts
from syncapp.capture.rounds import Round
from syncapp.crm.audits.records import Action
from syncapp.crm.contact_changes import ContactChange
from syncapp.models import CaptureContact, CaptureEntry, CaptureJob
from syncapp.models.capture.entry import EntryState, Evidence, Source
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.models.locking import retried

MAX_CONTACTS = 500
Outcome = tuple[str, str, str, str]  # state, reason, source, evidence


@dataclass(frozen=True, slots=True)
class _Contact:
    """The known facts about one contact: its last change, and the times of its entries and of its signed creations.

    `is_complete`: all of its entries have arrived, and their values have been read.
    """

    row: CaptureContact | None
    moments: Sequence[datetime]
    creations: Sequence[datetime]
    is_complete: bool

    def last_change(self) -> ContactChange | None:
        """Return the contact's last change according to its row."""
        row = self.row
        if row is None:
            return None
        return ContactChange(row.contact_id, row.modified_on, row.created_on, row.modified_by, row.signed_by)


def conclude(running: Round) -> bool:
    """Decide on the entries that were read; return False if the time ran out. Raises LostLease."""
    contact_ids = _next_contacts(None)
    while contact_ids:
        _conclude(running, contact_ids)
        if running.is_over():
            return False
        contact_ids = _next_contacts(contact_ids[-1])
    return True


def _next_contacts(after: UUID | None) -> list[UUID]:
    waiting = CaptureEntry.objects.filter(state=EntryState.READ)
    if after is not None:
        waiting = waiting.filter(contact_id__gt=after)
    return list(waiting.order_by("contact_id").values_list("contact_id", flat=True).distinct()[:MAX_CONTACTS])


@retried
def _conclude(running: Round, contact_ids: Sequence[UUID]) -> None:
    entries = CaptureEntry.objects.filter(contact_id__in=contact_ids, state=EntryState.READ)
    outcomes: dict[Outcome, list[UUID]] = defaultdict(list)
    to_stage: dict[UUID, list[CaptureEntry]] = defaultdict(list)
    contacts = _contacts(running, contact_ids)
    # The answer was lost: these edits may be staged already, even if capture has been switched since.
    unanswered = CaptureJob.objects.filter(contact_id__in=contact_ids, state__in=OPEN_STATES, outcome_unknown=True)
    maybe_staged = set(unanswered.values_list("contact_id", flat=True))
    log_names_signer = signature.is_in_log(running.capture)
    for entry in entries.prefetch_related("values").in_order():
        if entry.reason == TO_STAGE and entry.contact_id in maybe_staged:
            continue
        stored = Source(entry.source), Evidence(entry.evidence)
        source_and_evidence = stored if log_names_signer else _source(running, entry, contacts[entry.contact_id])
        if source_and_evidence is None:
            continue  # not enough is known yet
        facts = _facts(running, entry, source_and_evidence[0], contacts[entry.contact_id])
        decided = policy.decide(facts, running.policy)
        if decided is not None:
            outcomes[*decided, *source_and_evidence].append(entry.pk)
        elif contacts[entry.contact_id].is_complete:
            outcomes[EntryState.READ, TO_STAGE, *source_and_evidence].append(entry.pk)
            to_stage[entry.contact_id].append(entry)
    for (state, reason, source, evidence), ids in outcomes.items():
        rows = CaptureEntry.objects.filter(pk__in=ids, state=EntryState.READ)
        rows.update(state=state, reason=reason, source=source, evidence=evidence)
    echoes.flag(contact_ids)
    running.result.to_stage += scheduling.schedule(to_stage, read_at=running.now)
    running.extend_lease()


def _source(running: Round, entry: CaptureEntry, contact: _Contact) -> tuple[Source, Evidence] | None:
    """Return the source of the change; None while it depends on a contact's row that cannot be trusted yet.

    The row is needed only if the CRM's audit log names no signing user (signature.py). Entries have whole seconds:
    until all have arrived, a row that matches this entry may describe a later change in the same second.
    """
    stored = Source(entry.source), Evidence(entry.evidence)
    row = contact.last_change()
    if entry.source not in (Source.FORM, Source.PROGRAM, Source.UNKNOWN) or row is None:
        return stored
    audit_entry = as_audit_entry(entry)
    if row.signed_by not in running.known.signers or not sources.belongs_to(row, audit_entry, contact.moments):
        return stored
    if contact.row is None or not contact.is_complete or running.now < contact.row.noticed_at + running.patience:
        return None
    return Source.OUTLOOK, Evidence.DELEGATE


def _facts(running: Round, entry: CaptureEntry, source: Source, contact: _Contact) -> Facts:
    programs = running.policy.listed_programs
    return Facts(
        source=source,
        happened_at=entry.happened_at,
        user_id=entry.user_id,
        columns=frozenset(value.column_name for value in entry.values.all()),
        lacks_revision=entry.lacks_revision,
        is_listed_program=bool(programs & {entry.user_id, entry.calling_user_id}),
        completes_creation=source is Source.OUTLOOK
        and sources.completes_creation(entry.happened_at, contact.creations),
    )


def _contacts(running: Round, contact_ids: Iterable[UUID]) -> Mapping[UUID, _Contact]:
    ids = list(contact_ids)
    rows = CaptureContact.objects.in_bulk(ids)
    moments: dict[UUID, list[datetime]] = defaultdict(list)
    creations: dict[UUID, list[datetime]] = defaultdict(list)
    entries = CaptureEntry.objects.filter(contact_id__in=ids)
    for contact_id, happened_at, action, source in entries.values_list("contact_id", "happened_at", "action", "source"):
        moments[contact_id].append(happened_at)
        if action == Action.CREATE and source == Source.OUTLOOK:
            creations[contact_id].append(happened_at)
    unread = set(entries_to_read(running).filter(contact_id__in=ids).values_list("contact_id", flat=True))
    awaited = {key for key, row in rows.items() if row.awaited_until is not None and row.awaited_until > running.now}
    return {
        contact_id: _Contact(
            row=rows.get(contact_id),
            moments=moments[contact_id],
            creations=creations[contact_id],
            is_complete=contact_id not in unread and contact_id not in awaited,
        )
        for contact_id in ids
    }
