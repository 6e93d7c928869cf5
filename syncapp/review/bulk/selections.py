"""Bulk decisions: fix a list, then decide exactly its fields, one contact at a time.

Each contact's items are decided by `decisions.decide` in one transaction with their results, so a worker that dies
between two contacts loses nothing and repeats nothing. `decide` refuses fields that changed since the list was made.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.client import MAX_CONTACTS_PER_REQUEST, CrmClient
from syncapp.jobs import queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure, JobType
from syncapp.mirror import columns
from syncapp.mirror.edits import live_values
from syncapp.models import Person, Selection, SelectionItem, SelectionRun, SyncField, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.locking import locked, retried
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.person import Role
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review import context, decisions, four_eyes
from syncapp.review.bulk.warnings import FieldWarning, warnings_for
from syncapp.review.errors import NotPossible, ReviewError
from syncapp.review.four_eyes import BlockReason
from syncapp.review.queue.criteria import Criteria, Tab, filter_records, matching_fields
from syncapp.review.queue.reads import records_in

MAX_FIELDS = 5000  # of one selection
MAX_SHOWN = 25  # fields of a list shown in full; for a longer one the page shows examples and asks for the number
MAX_IN_REQUEST = MAX_SHOWN  # fields decided within the request, because the page showed them all with live values
MAX_EXAMPLES = 5
CHUNK = 500  # edits in one query
LIST_TABS = (Tab.WAITING, Tab.ATTENTION, Tab.PARKED)
Result = SelectionItem.Result
FieldWarnings = tuple[SyncField, tuple[FieldWarning, ...]]


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """The decision to take for every item of a selection."""

    outcome: Outcome
    reason_code: str = ""
    reason: str = ""


def select_rows(ids: Sequence[uuid.UUID], *, criteria: Criteria, query: str, person: Person) -> Selection:
    """Select the undecided fields of these edits that match the criteria of the list.

    Raises NotPossible if none is left.
    """
    rows = SyncRecord.objects.visible().filter(pk__in=list(ids)[:MAX_FIELDS])
    return _select(rows.order_by("edited_on", "pk").values_list("pk", flat=True), criteria, query=query, person=person)


def select_all(*, tab: Tab, criteria: Criteria, query: str, person: Person) -> Selection:
    """Select the fields on all pages of a list. Raises NotPossible if there are none, or if the tab is not a list."""
    if tab not in LIST_TABS:
        raise NotPossible("Only edits that wait for a decision can be decided together.")
    rows = filter_records(records_in(tab), tab, criteria).order_by("edited_on", "pk")
    return _select(rows.values_list("pk", flat=True)[: MAX_FIELDS + 1], criteria, query=query, person=person)


def select_refused(selection: Selection, *, person: Person) -> Selection:
    """Select the refused fields again with their current values. Raises NotPossible if none can be decided."""
    refused = selection.items.filter(result=Result.REFUSED).order_by("position").values_list("field_id", flat=True)
    fields = SyncField.objects.filter(pk__in=refused).select_related("record")
    return _store(list(fields), query=selection.query, person=person)


def _select(
    record_ids: QuerySet[SyncRecord, uuid.UUID], criteria: Criteria, *, query: str, person: Person
) -> Selection:
    ids = list(record_ids)
    position = {pk: number for number, pk in enumerate(ids)}
    matching = matching_fields(Tab.WAITING, criteria) | matching_fields(Tab.ATTENTION, criteria)
    fields: list[SyncField] = []
    for start in range(0, len(ids), CHUNK):
        fields += matching.filter(record_id__in=ids[start : start + CHUNK]).select_related("record")
    fields.sort(key=lambda field: (position[field.record_id], field.column_name, field.pk))
    return _store(fields, query=query, person=person)


@retried
def _store(fields: list[SyncField], *, query: str, person: Person) -> Selection:
    waiting = [field for field in fields if field.is_undecided and field.delivery == FieldDelivery.NONE]
    # Editors who have not been read yet are checked when deciding.
    editors = four_eyes.load_editors(field.record.editor_id for field in waiting)
    reasons = ((field.pk, editors.block_reason(field.record.editor_id, (person,))) for field in waiting)
    blocked = {pk: reason for pk, reason in reasons if reason not in (None, BlockReason.UNREAD)}
    allowed = [field for field in waiting if field.pk not in blocked and not field.contact_is_gone]
    with_warnings = _with_warnings(allowed[:MAX_FIELDS])
    included = [field for field, warnings in with_warnings if FieldWarning.CHANGED not in warnings]
    if not included:
        is_unidentified = BlockReason.UNIDENTIFIED in blocked.values()
        raise NotPossible(_empty_message(is_changed=bool(allowed), is_unidentified=is_unidentified))
    selection = Selection.objects.create(
        person=person,
        frozen_at=Now(),
        query=query,
        contacts=len({field.record_id for field in included}),
        fields=len(included),
        conflicts=sum(field.delivery == FieldDelivery.CONFLICT for field in fields),
        own_edits=sum(reason is BlockReason.OWN for reason in blocked.values()),
        unidentified=sum(reason is BlockReason.UNIDENTIFIED for reason in blocked.values()),
        is_cut=len(allowed) > MAX_FIELDS,
    )
    plain = [field.pk for field, warnings in with_warnings if not warnings]
    # Only examples for the page, so the standard random generator is good enough.
    examples = set(random.sample(plain, min(MAX_EXAMPLES, len(plain))))
    items = [
        SelectionItem(
            selection=selection,
            position=position,
            field=field,
            seen=context.digest(field),
            is_example=bool(warnings) or field.pk in examples,
            result=Result.OMITTED if FieldWarning.CHANGED in warnings else Result.OPEN,
            concerns=",".join(warnings),
        )
        for position, (field, warnings) in enumerate(with_warnings)
    ]
    SelectionItem.objects.bulk_create(items, batch_size=500)
    selection.refresh_from_db()
    return selection


def refresh_live_values(selection: Selection, record_ids: Collection[uuid.UUID], *, crm: CrmClient) -> bool:
    """Read the live values of these edits and leave out fields whose value in the CRM changed.

    Return False if the CRM did not answer; only the stored values are compared then.
    """
    open_items = selection.items.filter(result=Result.OPEN, field__record__in=record_ids)
    before = list(open_items.select_related("field__record"))
    answered = live_values.refresh_if_answering(record_ids, crm=crm) is not None
    with transaction.atomic():
        locked(Selection.objects.all()).get(pk=selection.pk)
        if SelectionRun.objects.filter(pk=selection.pk).exists():
            return answered  # already being decided: `decide` refuses changed fields
        fields = SyncField.objects.select_related("record").undecided().in_bulk([item.field_id for item in before])
        warnings_of = {field.pk: warnings for field, warnings in _with_warnings(list(fields.values()))}
        changed = []
        for item in before:
            warnings = warnings_of.get(item.field_id, ())
            if FieldWarning.CHANGED in warnings:
                changed.append(item)
                item.result, item.concerns, item.is_example = Result.OMITTED, ",".join(warnings), True
            elif item.field_id in fields and context.digest(item.field) == item.seen:
                # The page shows this state from now on; any other change keeps the digest from matching.
                item.field.contact_state = fields[item.field_id].contact_state
                changed += [item] if context.digest(item.field) != item.seen else []
                item.seen = context.digest(item.field)
        if changed:
            SelectionItem.objects.bulk_update(changed, ["result", "concerns", "is_example", "seen"], batch_size=500)
            left = selection.items.filter(result=Result.OPEN)
            counts = left.aggregate(fields=Count("pk"), contacts=Count("field__record", distinct=True))
            Selection.objects.filter(pk=selection.pk).update(**counts)
            selection.refresh_from_db(fields=["fields", "contacts"])
    return answered


def _with_warnings(fields: Sequence[SyncField]) -> list[FieldWarnings]:
    known = {table: columns.of_table(table) for table in {field.record.target_table for field in fields}}
    return [(field, warnings_for(field, known[field.record.target_table].get(field.column_name))) for field in fields]


def _empty_message(*, is_changed: bool, is_unidentified: bool) -> str:
    if is_unidentified:
        return "The editors of these fields are not identified in the CRM, so the edits could be your own."
    if is_changed:
        return "The values of these fields changed in the CRM after the edit. Open each contact to decide them."
    return "None of these fields can be decided together. Nothing was changed."


def start(selection: Selection, decision: BulkDecision, *, number: int | None, by: Person) -> SelectionRun:
    """Start deciding all items the same way, once.

    Raises NotPossible if the person may not, nothing is left to decide, or the number typed for a long list is wrong.
    """
    if selection.person_id != by.pk:
        raise NotPossible("Only the person who made this selection can decide it.")
    try:
        with transaction.atomic():
            # Reading live values may have left some out: the typed number must match the fields to decide.
            selection = locked(Selection.objects.all()).get(pk=selection.pk)
            if not selection.fields:
                raise NotPossible(_empty_message(is_changed=True, is_unidentified=False))
            if selection.fields > MAX_SHOWN and number != selection.fields:
                raise NotPossible(f"Type {selection.fields} to confirm that you mean all of them.")
            run = SelectionRun.objects.create(
                selection=selection,
                due_at=Now(),
                outcome=decision.outcome,
                reason_code=decision.reason_code,
                reason=decision.reason,
            )
            counted = {"contacts": selection.contacts, "fields": selection.fields}
            audit.record(f"selection.{decision.outcome}", by=by, channel="screen", group=selection.pk, details=counted)
    except IntegrityError as error:
        raise NotPossible("This selection has already been decided.") from error
    if selection.fields <= MAX_IN_REQUEST:
        work(selection.pk, seconds=settings.SOFT_LIMIT / 4)
    return run


def work(selection_id: uuid.UUID, *, seconds: float, crm: CrmClient | None = None) -> None:
    """Decide items until none is left or the time is up; then make the job due again at once. Safe to run twice.

    With `crm`, live values are read first, and fields whose value has changed are refused.
    """
    runner.run(SelectionJob(seconds, crm=crm), selection_id)


@runner.register
class SelectionJob(JobType):
    """The job that decides a fixed list contact by contact; a failure refuses the undecided fields with its reason."""

    name = "selection"
    title = "Deciding edits together"
    failures_at = "the selection’s result page"
    model = SelectionRun
    overdue_after = 60.0

    def __init__(self, seconds: float, *, crm: CrmClient | None = None) -> None:
        self._seconds = seconds
        self._crm = crm

    def process(self, lease: Lease, permit: Permit) -> None:
        """Decide the items contact by contact. After an unexpected error, process the other contacts, then raise it.

        Raises LostLease.
        """
        run = SelectionRun.objects.select_related("selection__person").get(pk=lease.pk)
        until = time.monotonic() + self._seconds
        failed: Exception | None = None
        for items in self._contacts(run.selection):
            try:
                _decide(lease, run, items)
            except queue.LostLease:
                raise
            except Exception as error:  # noqa: BLE001  (one contact must not stop the others; the runner gets the error)
                failed = error
                continue
            queue.failpoint("selection.decided")
            if time.monotonic() > until:
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return
        if failed is not None:
            raise failed
        queue.finish(lease)

    def _contacts(self, selection: Selection) -> Iterator[list[SelectionItem]]:
        """Yield the open items by contact; live values of several contacts are read in one request beforehand."""
        open_items = selection.items.filter(result=Result.OPEN).select_related("field").order_by("position")
        grouped = groupby(list(open_items), key=lambda item: item.field.record_id)
        contacts = (list(items) for _, items in grouped)
        while batch := list(islice(contacts, MAX_CONTACTS_PER_REQUEST)):
            ids = [items[0].field.record_id for items in batch]
            if self._crm is not None and live_values.refresh_if_answering(ids, crm=self._crm) is None:
                self._crm = None  # continue with stored values; the delivery compares again
            yield from batch

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Refuse the undecided items with the reason; the page offers to decide them again. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        SelectionItem.objects.filter(selection=lease.pk, result=Result.OPEN).update(
            result=Result.REFUSED, why=failure.reason[:300]
        )


@retried
def _decide(lease: Lease, run: SelectionRun, items: list[SelectionItem]) -> None:
    """Decide the items of one contact and store their results in the same transaction."""
    queue.lock(lease)
    person = run.selection.person
    if not person.has_role(Role.REVIEWER):
        _refuse(items, "The person who started this is no longer a reviewer.")
        return
    choices = [
        decisions.Choice(item.field_id, Outcome(run.outcome), item.seen, reason_code=run.reason_code, reason=run.reason)
        for item in items
    ]
    decided = decisions.decide(choices, by=person, channel="selection", group=run.selection.pk)
    taken = {decision.field_id: decision for decision in decided.taken}
    messages = {error.field.pk: str(error) for error in decided.refused if error.field}
    for item in items:
        decision = taken.get(item.field_id)
        if decision:
            SelectionItem.objects.filter(pk=item.pk).update(result=Result.TAKEN, decision=decision)
        else:
            _refuse([item], messages.get(item.field_id, context.EDIT_IS_GONE))


def _refuse(items: Sequence[SelectionItem], why: str) -> None:
    pks = [item.pk for item in items]
    SelectionItem.objects.filter(pk__in=pks).update(result=Result.REFUSED, why=why[:300])


def undo(selection: Selection, *, by: Person) -> tuple[int, int]:
    """Undo decisions that are not yet part of a delivery; return how many were undone and how many were too late."""
    taken = selection.items.filter(result=Result.TAKEN, decision__state=DecisionState.OPEN)
    undone = late = 0
    for decision_id in taken.order_by("position").values_list("decision_id", flat=True):
        try:
            decisions.undo(decision_id, by=by, channel="selection")
            undone += 1
        except ReviewError:
            late += 1
    return undone, late


def is_unfinished(run: SelectionRun) -> bool:
    """Return whether items may still be decided."""
    return run.state not in (JobState.DONE, JobState.FAILED)
