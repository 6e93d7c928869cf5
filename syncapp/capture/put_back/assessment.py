"""The decision for each column of a plan: whether to put Outlook's value back, and why not. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from syncapp.crm.staging.records import Column, ContactState, LiveContact, StagedDecision, StagedField
from syncapp.crm.values import conversion
from syncapp.models import Restore, SyncField
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.mirror.sync_field import FieldDecision


class LeaveReason(StrEnum):
    """A reason why a column is left alone."""

    ALREADY = "already"  # the CRM holds the value from Outlook
    CHANGED = "changed"  # the CRM holds neither that value nor the restored one
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # the edit is gone, or was decided in the CRM
    SUPERSEDED = "superseded"  # by a newer edit to the same field
    PUT_BACK = "put_back"  # by an earlier plan
    CONTACT_GONE = "contact_gone"
    CONTACT_MERGED = "contact_merged"
    UNREADABLE = "unreadable"
    NOT_READ_YET = "not_read_yet"  # the staged edit has not reached the portal
    STOPPED = "stopped"


SENTENCES: Mapping[str, str] = {
    LeaveReason.ALREADY: "The CRM already holds the value from Outlook.",
    LeaveReason.CHANGED: "The value was changed in the CRM after it was restored.",
    LeaveReason.APPROVED: "It was approved, so the value from Outlook is in the CRM or is being written.",
    LeaveReason.REJECTED: "It was rejected. Use “Approve after all” on its page if the value is right.",
    LeaveReason.WITHDRAWN: "The edit was decided in the CRM itself, or is no longer there.",
    LeaveReason.SUPERSEDED: "A newer edit of the same field replaced it.",
    LeaveReason.PUT_BACK: "It has already been put back.",
    LeaveReason.CONTACT_GONE: "The contact was deleted in the CRM.",
    LeaveReason.CONTACT_MERGED: "The contact was merged into another one.",
    LeaveReason.UNREADABLE: "The field cannot be read in the CRM.",
    LeaveReason.NOT_READ_YET: "The staged edit has not been read from the CRM yet. Prepare the plan again in a minute.",
    LeaveReason.STOPPED: "The plan was stopped before this contact.",
}

_BY_DECISION = {
    FieldDecision.APPROVED: LeaveReason.APPROVED,
    FieldDecision.REJECTED: LeaveReason.REJECTED,
    FieldDecision.SUPERSEDED: LeaveReason.SUPERSEDED,
    FieldDecision.WITHDRAWN: LeaveReason.WITHDRAWN,
}
_BY_MARK: Mapping[int, LeaveReason] = {
    StagedDecision.APPROVED: LeaveReason.APPROVED,
    StagedDecision.REJECTED: LeaveReason.REJECTED,
    StagedDecision.SUPERSEDED: LeaveReason.SUPERSEDED,
}


def assess_rows(restore: Restore, field: SyncField | None, *, is_newest: bool) -> LeaveReason | None:
    """Return why a column is left alone according to our own rows; None if the CRM's rows decide.

    `field` is loaded with its record. `is_newest` says that no later edit to the column was restored.
    """
    if restore.result == RestoreResult.PUT_BACK:
        return LeaveReason.PUT_BACK
    if not is_newest:
        return LeaveReason.SUPERSEDED
    if field is None or field.record.is_stub:
        return LeaveReason.NOT_READ_YET
    if field.decision != FieldDecision.PENDING:
        return _BY_DECISION[FieldDecision(field.decision)]
    return LeaveReason.UNREADABLE if field.unreadable or field.record.unreadable else None


def assess_contact(restore: Restore, column: Column | None, contact: LiveContact | None) -> LeaveReason | None:
    """Return why a column is left alone according to its contact's live values; None if its value is to be put back."""
    if contact is None:
        return LeaveReason.CONTACT_GONE
    if contact.state is ContactState.MERGED:
        return LeaveReason.CONTACT_MERGED
    if column is None or column.name not in contact.values:
        return LeaveReason.UNREADABLE
    live = contact.values[column.name]
    if conversion.same(column.type, live, restore.value_found):
        return LeaveReason.ALREADY
    return None if conversion.same(column.type, live, restore.value_restored) else LeaveReason.CHANGED


def assess_staged_row(staged: StagedField | None) -> LeaveReason | None:
    """Return why a column is left alone according to its staging row, which may hold decisions not yet in our rows."""
    if staged is None:
        return LeaveReason.WITHDRAWN
    if staged.problem:
        return LeaveReason.UNREADABLE
    if staged.state == 0:
        return None
    return _BY_MARK.get(staged.decision, LeaveReason.WITHDRAWN)
