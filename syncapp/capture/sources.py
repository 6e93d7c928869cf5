"""Sources of changes, concluded from an audit entry and, for the newest one, from the contact's row. Pure functions.

Under the signed rule, a change not proved to come from Outlook is let through. Evidence in order of precedence:

    the portal's own user                                   ours
    signed by the synchronization: the entry's calling user,
        or the row's delegate if the row describes the entry Outlook
    raises the revision                                     form
    another application or listed program                   program
    anything else                                           unknown

*Modified By* proves nothing, because the user of the synchronization also runs automatic rules ("Server-side
synchronization new admin identity").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from syncapp.crm.audits.records import Action, AuditEntry
from syncapp.crm.contact_changes import ContactChange
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureRule

# A contact that Outlook creates is completed by further updates, which overwrite nothing of the CRM's.
CREATION_PERIOD = timedelta(minutes=2)


class Revision(StrEnum):
    """The evidence in an entry about the revision column; UNKNOWN if that column is not audited or is missing."""

    RAISED = "raised"
    NOT_RAISED = "not_raised"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KnownUsers:
    """Known users of the CRM: our own, those of the synchronization, and those of other programs."""

    own: UUID
    signers: frozenset[UUID]
    programs: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The source of a change, and the evidence for it. `lacks_revision`: proved not to raise the revision."""

    source: Source
    evidence: Evidence
    lacks_revision: bool = False


def conclude(
    entry: AuditEntry, known: KnownUsers, *, revision: Revision = Revision.UNKNOWN, row: ContactChange | None = None
) -> Conclusion:
    """Return the source of an entry's change. Pass `row` only if `belongs_to` confirms that it describes the change."""
    lacks_revision = revision is Revision.NOT_RAISED
    if known.own in (entry.user_id, entry.calling_user_id):
        return Conclusion(Source.OURS, Evidence.OWN_USER, lacks_revision)
    if entry.calling_user_id in known.signers:
        return Conclusion(Source.OUTLOOK, Evidence.CALLING_USER, lacks_revision)
    if row is not None and row.signed_by in known.signers:
        return Conclusion(Source.OUTLOOK, Evidence.DELEGATE, lacks_revision)
    if revision is Revision.RAISED:
        return Conclusion(Source.FORM, Evidence.REVISION)
    if known.programs & {entry.user_id, entry.calling_user_id}:
        return Conclusion(Source.PROGRAM, Evidence.APPLICATION, lacks_revision)
    return Conclusion(Source.UNKNOWN, Evidence.NONE, lacks_revision)


def belongs_to(row: ContactChange, entry: AuditEntry, moments: Collection[datetime]) -> bool:
    """Return whether a contact's row describes the change of this entry. If so, the row's delegate signed the change.

    `moments` are the times of all known entries of the contact. The row and the entry have whole seconds, so the
    delegate proves nothing if two entries share a second, or if another user changed the contact last.
    """
    if entry.created_on is None or row.modified_on is None or row.modified_by != entry.user_id:
        return False
    moment = _second(entry.created_on)
    seconds = [_second(each) for each in moments]
    return _second(row.modified_on) == moment == max(seconds, default=moment) and seconds.count(moment) <= 1


def revision_of(old: int | None, new: int | None, is_changed: bool, *, is_audited: bool) -> Revision:
    """Return the evidence in an entry's old and new revision.

    `is_changed` says whether the entry contains the revision column, `is_audited` whether auditing would record it.
    """
    if is_changed and new is not None and new > (old or 0):
        return Revision.RAISED
    return Revision.NOT_RAISED if is_audited else Revision.UNKNOWN


def counts_as_outlook(source: Source, *, lacks_revision: bool, rule: CaptureRule, is_listed_program: bool) -> bool:
    """Return whether a change counts as an Outlook edit under this rule.

    Under the original rule, every change that is not ours and did not raise the revision counts, except changes by
    programs that an administrator listed.
    """
    if source == Source.OUTLOOK:
        return True
    if rule != CaptureRule.ORIGINAL or source in (Source.OURS, Source.FORM):
        return False
    return lacks_revision and not is_listed_program


def ends_baselines(entry: AuditEntry) -> bool:
    """Return whether an entry ends the baselines: any action but an update, such as creating, merging or assigning."""
    return entry.action != Action.UPDATE


def completes_creation(happened_at: datetime, creations: Iterable[datetime]) -> bool:
    """Return whether a signed update completes a contact that the synchronization has just created.

    `creations` are the times of the contact's signed Create entries.
    """
    return any(timedelta(0) <= happened_at - created_at <= CREATION_PERIOD for created_at in creations)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
