"""The history of one contact from our rows: its entries, how they were handled, and what reviewers decided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db.models import F

from syncapp.capture.chain_records import (
    UNKNOWN,
    Change,
    Entry,
    History,
    Rejection,
    Rules,
    Value,
    Writer,
)
from syncapp.capture.policy import Policy, Reason
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import conversion
from syncapp.models import Capture, CaptureEntry, CaptureGap, CaptureValue, FilterUser, Restore, SyncField
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now
from syncapp.models.mirror.change_kind import ChangeKind, kind_of
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import Kind
from syncapp.text.ids import parse_uuid

REVIEWED_STATES = (EntryState.READ, EntryState.STAGED)
# After this many restores of one column within a day, Outlook's value stays: something keeps sending it.
MAX_RESTORES_OF_COLUMN = 3
_RESTORE_ENTRY = UUID("6f7a9c1e-0d55-4f0e-9a3c-5d1f6b0c2a11")


@dataclass(frozen=True, slots=True)
class ContactHistory:
    """A contact's entries in the form that `chains` takes, and our rows behind them."""

    chain: History
    rows: Mapping[UUID, CaptureEntry]
    labels: Mapping[tuple[str, str], str]  # by column and value
    columns: frozenset[str]


def load(contact_id: UUID, *, capture: Capture, policy: Policy, signers: Collection[UUID]) -> ContactHistory:
    """Load the known history of a contact."""
    found = CaptureEntry.objects.filter(contact_id=contact_id).exclude(state=EntryState.NEW)
    rows = {row.audit_id: row for row in found.prefetch_related("values").in_order()}
    done = Restore.objects.filter(contact_id=contact_id).exclude(result=RestoreResult.NOT_RESTORED)
    # Entries are deleted after some weeks; without its entry, a restore says nothing about today's value.
    restores = [each for each in done.order_by("done_at") if each.audit_id in rows]
    applications = FilterUser.objects.filter(is_application=True, pk__in={row.user_id for row in rows.values()})
    non_people = {*signers, *applications.values_list("pk", flat=True)}
    gaps = list(CaptureGap.objects.exclude(reason=CaptureGap.Reason.DOWNTIME))
    approved = _approved_columns(contact_id)
    entries = [
        _entry(
            row,
            policy,
            capture,
            restores,
            non_people=non_people,
            gaps=[
                gap
                for gap in gaps
                if gap.begins_at <= row.happened_at and (gap.ends_at is None or row.happened_at <= gap.ends_at)
            ],
            approved=approved[row.audit_id],
        )
        for row in rows.values()
    ]
    entries += _unread_restores(restores, rows)
    values = [value for row in rows.values() for value in row.values.all()]
    labels = {(each.column_name, each.old_value): each.old_label for each in values if each.old_value}
    labels |= {(each.column_name, each.new_value): each.new_label for each in values if each.new_value}
    chain = History(
        entries,
        rejections=_rejections(contact_id),
        held=_held_columns(restores),
    )
    return ContactHistory(chain, rows, labels, frozenset(each.column_name for each in values))


def rules(columns: Mapping[str, Column], *, now: datetime, late_after: timedelta) -> Rules:
    """Return rules that compare values by the types of their columns."""

    def same(column: str, one: str | None, other: str | None) -> bool:
        kind = columns[column].type if column in columns else ColumnType.TEXT
        return conversion.same(kind, one, other)

    def is_format_only(column: str, old: str | None, new: str | None) -> bool:
        return kind_of(column, old, new) is ChangeKind.FORMAT

    return Rules(now=now, same=same, is_format_only=is_format_only, late_after=late_after)


def _entry(
    row: CaptureEntry,
    policy: Policy,
    capture: Capture,
    restores: Sequence[Restore],
    *,
    non_people: Collection[UUID | None],
    gaps: Sequence[CaptureGap],
    approved: Collection[str],
) -> Entry:
    # Entries that could not be staged still belong to the chain: their values are not originals for later edits.
    is_in_chain = row.state in REVIEWED_STATES or row.reason == Reason.NOT_STAGED
    values: list[CaptureValue] = list(row.values.all())
    names = [value.column_name for value in values] if is_in_chain else []
    reviewed = policy.reviewed_columns(row.source, names, at=row.happened_at)
    is_ours = row.source == Source.OURS
    # Observed changes from Outlook are let through, so the chain treats them like changes by anyone else.
    is_from_outlook = is_in_chain or row.source == Source.OUTLOOK
    other_writer = Writer.OURS if is_ours else Writer.OTHER
    writer = Writer.OUTLOOK if is_from_outlook else other_writer
    is_allowed = capture.mode == CaptureMode.RESTORING and all(gap.columns is not None for gap in gaps)
    incomplete = {column for gap in gaps for column in gap.columns or ()}
    return Entry(
        id=row.audit_id,
        at=row.happened_at,
        writer=writer,
        changes={
            value.column_name: Change(
                Value(value.old_value) if value.old_known else UNKNOWN,
                Value(value.new_value) if value.new_known else UNKNOWN,
                is_reviewed=value.column_name in reviewed and value.column_name not in approved,
                may_restore=value.column_name not in incomplete,
            )
            for value in values
        },
        editor=None if row.user_id in non_people else row.user_id,
        ends_baselines=row.state == EntryState.BASELINE_END,
        is_restore=is_ours and any(_is_entry_of_restore(restore, row) for restore in restores),
        may_restore=is_allowed and (capture.mode_since is None or row.happened_at >= capture.mode_since),
        is_handled=row.state != EntryState.READ,
    )


def _is_entry_of_restore(restore: Restore, row: CaptureEntry) -> bool:
    """Return whether this entry by the portal's own user records the write of this restore."""
    return row.happened_at >= restore.happened_at and any(
        value.column_name == restore.column_name
        and value.old_value == restore.value_found
        and value.new_value == restore.value_restored
        for value in row.values.all()
    )


def _unread_restores(restores: Sequence[Restore], rows: Mapping[UUID, CaptureEntry]) -> list[Entry]:
    """Return our restores whose audit entries have not been read, each right after the edits that it restored."""
    ours = [row for row in rows.values() if row.source == Source.OURS]
    found: dict[tuple[str, datetime], Restore] = {}
    for restore in restores:
        if not any(_is_entry_of_restore(restore, row) for row in ours):
            found[restore.column_name, restore.done_at] = restore  # the newest edit comes last and wins
    return [
        Entry(
            uuid5(_RESTORE_ENTRY, str(restore.pk)),
            restore.happened_at + timedelta(microseconds=1),
            Writer.OURS,
            {restore.column_name: Change(Value(restore.value_found), Value(restore.value_restored))},
            is_restore=True,
            is_handled=True,
        )
        for restore in found.values()
    ]


def _rejections(contact_id: UUID) -> list[Rejection]:
    rejected = SyncField.objects.filter(record__target_id=contact_id, decision=FieldDecision.REJECTED)
    decided = rejected.filter(decisions__kind=Kind.REVIEW).annotate(decided_at=F("decisions__decided_at"))
    rows = decided.values_list(
        "pk", "column_name", "proposed_value", "record__editor_id", "decided_at", "record__operation_id"
    )
    return [
        Rejection(decision, column, value, editor, at, parse_uuid(operation_id))
        for decision, column, value, editor, at, operation_id in rows
    ]


def _approved_columns(contact_id: UUID) -> Mapping[UUID, set[str]]:
    """Return, by audit entry, the approved columns of edits that were not restored.

    Their values become baselines, even if no delivery had to write them.
    """
    in_the_crm = [FieldDelivery.DONE, FieldDelivery.ALREADY]
    fields = SyncField.objects.filter(record__target_id=contact_id, record__is_restored=False)
    rows = fields.filter(decision=FieldDecision.APPROVED, delivery__in=in_the_crm)
    found: dict[UUID, set[str]] = defaultdict(set)
    for operation_id, column in rows.values_list("record__operation_id", "column_name"):
        if (audit_id := parse_uuid(operation_id)) is not None:
            found[audit_id].add(column)
    return found


def _held_columns(restores: Sequence[Restore]) -> frozenset[str]:
    """Return the columns that are not restored for now, because they were restored too often within a day."""
    recent = Restore.objects.filter(pk__in=[each.pk for each in restores], done_at__gt=database_now(plus=-86_400))
    times = Counter(column for column, _ in set(recent.values_list("column_name", "done_at")))
    return frozenset(column for column, number in times.items() if number >= MAX_RESTORES_OF_COLUMN)
