"""Conflict detection: for each decision, whether to write it, only mark it, or return it to the reviewer.

Pure functions from the decisions and a fresh snapshot of the CRM to assessments.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from syncapp.crm.staging.records import Column, ContactState, DeliverySnapshot, LiveContact, StagedField
from syncapp.crm.values import conversion
from syncapp.mirror.edits import recognition
from syncapp.models import Decision
from syncapp.models.review.decision import Kind


class Finding(StrEnum):
    """The result of comparing one decision with the CRM."""

    WRITE = "write"  # the CRM still holds what the reviewer saw
    ALREADY = "already"  # the CRM holds the new value already: only mark the staging row
    MARK = "mark"  # nothing to write on the contact: only mark the staging row
    OURS = "ours"  # the staging row carries this decision's id: written, whatever the contact holds now
    CONFLICT = "conflict"  # the CRM holds another value: return to the reviewer
    WRITTEN_BEFORE = "written_before"  # rejected, but an earlier approval had been written: return
    INACTIVE = "contact_inactive"  # deactivated since the reviewer saw it: return
    MERGED = "contact_merged"  # merged into another contact since: return
    CONTACT_GONE = "contact_gone"  # the contact was deleted: return
    ELSEWHERE = "elsewhere"  # a person decided the staging row in the CRM
    RECOGNIZED = "before_restore"  # the portal decided the staging row, but our database lost that decision
    ROW_GONE = "row_gone"  # the staging row was deleted
    UNKNOWN_COLUMN = "unknown_column"  # the CRM has no such column
    UNREADABLE = "unreadable"  # the staging row or the contact's value cannot be read


UNSEEN_STATES = {ContactState.INACTIVE: Finding.INACTIVE, ContactState.MERGED: Finding.MERGED}
MARKING = (Finding.WRITE, Finding.ALREADY, Finding.MARK)


@dataclass(frozen=True, slots=True)
class OwnDecisions:
    """Ids of all our decisions about one field; `unproven` ones failed or were replaced with an unknown outcome."""

    ids: frozenset[str] = frozenset()
    unproven: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StoredValue:
    """The value that the CRM stored instead of the one we wrote: rounded, or changed by its own rules."""

    value: str | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One decision with its finding and the CRM's current value.

    `proves` is the id of an earlier unproven decision that was in fact written. `failure` says why a value could not be
    read. `adjusted` is what the CRM stored if that differs from what we sent.
    """

    decision: Decision
    finding: Finding
    staged: StagedField | None = None
    column: Column | None = None
    live_value: str | None = None
    live_label: str = ""
    proves: str = ""
    failure: str = ""
    adjusted: StoredValue | None = None


def assess(
    decisions: Iterable[Decision],
    snapshot: DeliverySnapshot,
    *,
    columns: Mapping[str, Column],
    own: Mapping[uuid.UUID, OwnDecisions],
    stored: Mapping[uuid.UUID, StoredValue] | None = None,
    own_user: uuid.UUID | None = None,
) -> list[Assessment]:
    """Assess each decision against a fresh snapshot of the CRM.

    `own` holds our decisions by field, `stored` the values that the CRM stored instead of ours, by decision. `own_user`
    is the portal's user in the CRM.
    """
    found, contact = [], snapshot.contact
    for decision in decisions:
        ours = own.get(decision.field_id, OwnDecisions())
        assessment = _assess_decision(decision, snapshot, columns, ours, own_user)
        column = columns.get(decision.field.column_name)
        if assessment.finding == Finding.OURS and decision.writes and column is not None and contact is not None:
            live = StoredValue(contact.values.get(column.name), contact.labels.get(column.name, ""))
            # If the answer to the write was lost, only rounding is recognized as the CRM's change.
            rounded = live if conversion.is_rounded(column, decision.value_to_write, live.value) else None
            adjusted = (stored or {}).get(decision.pk, rounded)
            assessment = replace(assessment, column=column, adjusted=adjusted)
        found.append(assessment)
    return found


def adjustments(assessments: Iterable[Assessment], written: LiveContact | None) -> dict[uuid.UUID, StoredValue]:
    """Return, by decision, the values that the CRM stored instead of ours, according to its answer to the write."""
    found = {}
    for assessment in assessments:
        column, decision = assessment.column, assessment.decision
        if assessment.finding != Finding.WRITE or column is None or written is None or column.name in written.problems:
            continue
        value = written.values.get(column.name)
        if not conversion.same(column.type, value, decision.value_to_write):
            found[decision.pk] = StoredValue(value, written.labels.get(column.name, ""))
    return found


def _assess_decision(
    decision: Decision,
    snapshot: DeliverySnapshot,
    columns: Mapping[str, Column],
    own: OwnDecisions,
    own_user: uuid.UUID | None,
) -> Assessment:
    staged = snapshot.fields.get(decision.field_id)
    if staged is None:
        return Assessment(decision, Finding.ROW_GONE)
    if staged.decision_id == str(decision.pk):
        return Assessment(decision, Finding.OURS, staged)
    if staged.state != 0 and staged.decision_id not in own.ids:
        is_ours = recognition.is_ours(staged, own_user=own_user)
        return Assessment(decision, Finding.RECOGNIZED if is_ours else Finding.ELSEWHERE, staged)
    if staged.problem and (decision.writes or not staged.etag):
        return Assessment(decision, Finding.UNREADABLE, staged, failure=staged.problem)
    contact = snapshot.contact
    column = columns.get(decision.field.column_name)
    unreadable = contact.problems.get(column.name) if contact is not None and column is not None else None
    if unreadable and (decision.writes or own.unproven):
        return Assessment(decision, Finding.UNREADABLE, staged, failure=unreadable)
    proves = staged.decision_id if staged.decision_id in own.unproven else ""
    if decision.writes:
        return replace(_assess_value(decision, snapshot, staged, column), proves=proves)
    # A rejection must keep the value its reviewer saw; an earlier approval may have written another.
    if proves and column is not None and contact is not None and decision.kind == Kind.REVIEW:
        now, label = contact.values.get(column.name), contact.labels.get(column.name, "")
        if not conversion.same(column.type, now, decision.expected_value):
            return Assessment(decision, Finding.WRITTEN_BEFORE, staged, column, now, label, proves)
    return Assessment(decision, Finding.MARK, staged, proves=proves)


def _assess_value(
    decision: Decision, snapshot: DeliverySnapshot, staged: StagedField, column: Column | None
) -> Assessment:
    contact = snapshot.contact
    if contact is None:
        return Assessment(decision, Finding.CONTACT_GONE, staged)
    if column is None:
        return Assessment(decision, Finding.UNKNOWN_COLUMN, staged)
    live_value = contact.values.get(column.name)
    live_label = contact.labels.get(column.name, "")
    if conversion.same(column.type, live_value, decision.value_to_write):
        finding = Finding.ALREADY
    elif not conversion.same(column.type, live_value, decision.expected_value):
        finding = Finding.CONFLICT
    elif contact.state not in (ContactState.ACTIVE, decision.field.contact_state):
        finding = UNSEEN_STATES[contact.state]
    else:
        finding = Finding.WRITE
    return Assessment(decision, finding, staged, column, live_value, live_label)
