"""Deciding many edits together: freeze the list, then decide exactly what was frozen, one contact at a time.

Each contact's items are decided by `decisions.decide` in one transaction with their results, so a worker that dies
between two contacts loses nothing and repeats nothing. What changed since it was frozen is refused there, not here.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.client import MOST_CONTACTS_AT_ONCE, CrmClient
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

MOST = 5000  # fields of one selection
AT_ONCE = 25  # contacts' fields that one looks through; above, examples and a typed number
IN_REQUEST = AT_ONCE  # decided before the page answers: it showed all of them with the CRM's present values
EXAMPLES = 5
LIST_TABS = (Tab.WAITING, Tab.ATTENTION, Tab.PARKED)
Result = SelectionItem.Result
LookedAt = tuple[SyncField, tuple[FieldWarning, ...]]


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """What is to become of every item."""

    outcome: Outcome
    reason_code: str = ""
    reason: str = ""


def freeze_rows(ids: Sequence[uuid.UUID], *, by: Criteria, query: str, person: Person) -> Selection:
    """Freeze the undecided fields of these edits; of a narrowed list, those that it shows them for.

    Raises NotPossible where none is left.
    """
    rows = SyncRecord.objects.shown().filter(pk__in=list(ids)[:MOST])
    return _freeze(rows.order_by("edited_on", "pk").values_list("pk", flat=True), by, query=query, person=person)


def freeze_all(*, tab: Tab, by: Criteria, query: str, person: Person) -> Selection:
    """Freeze everything that a list shows now, on all of its pages. Raises NotPossible where that is nothing."""
    if tab not in LIST_TABS:
        raise NotPossible("Only edits that wait for a decision can be decided together.")
    rows = filter_records(records_in(tab), tab, by).order_by("edited_on", "pk")
    return _freeze(rows.values_list("pk", flat=True)[: MOST + 1], by, query=query, person=person)


def freeze_refused(selection: Selection, *, person: Person) -> Selection:
    """Freeze again, as they are now, the fields that were refused. Raises NotPossible where none can be decided."""
    left = selection.items.filter(result=Result.REFUSED).order_by("position").values_list("field_id", flat=True)
    fields = SyncField.objects.filter(pk__in=left).select_related("record")
    return _store(list(fields), query=selection.query, person=person)


def _freeze(record_ids: QuerySet[SyncRecord, uuid.UUID], by: Criteria, *, query: str, person: Person) -> Selection:
    ids = list(record_ids)
    place = {pk: number for number, pk in enumerate(ids)}
    meant = matching_fields(Tab.WAITING, by) | matching_fields(Tab.ATTENTION, by)
    fields = [field for chunk in _chunks(ids) for field in meant.filter(record_id__in=chunk).select_related("record")]
    fields.sort(key=lambda field: (place[field.record_id], field.column_name, field.pk))
    return _store(fields, query=query, person=person)


def _chunks(ids: Sequence[uuid.UUID], size: int = 500) -> Iterator[Sequence[uuid.UUID]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


@retried
def _store(found: list[SyncField], *, query: str, person: Person) -> Selection:
    open_ones = [field for field in found if field.is_undecided and field.delivery == FieldDelivery.NONE]
    bars = _bars(person, open_ones)
    fields = [field for field in open_ones if field.pk not in bars and not field.contact_is_gone]
    looked_at = _with_concerns(fields[:MOST])
    kept = [field for field, found in looked_at if FieldWarning.CHANGED not in found]
    if not kept:
        raise NotPossible(_why_none(is_changed=bool(fields), is_unidentified=BlockReason.UNIDENTIFIED in bars.values()))
    selection = Selection.objects.create(
        person=person,
        frozen_at=Now(),
        query=query,
        contacts=len({field.record_id for field in kept}),
        fields=len(kept),
        conflicts=sum(field.delivery == FieldDelivery.CONFLICT for field in found),
        own_edits=sum(bar is BlockReason.OWN for bar in bars.values()),
        unidentified=sum(bar is BlockReason.UNIDENTIFIED for bar in bars.values()),
        is_cut=len(fields) > MOST,
    )
    SelectionItem.objects.bulk_create(_items(selection, looked_at), batch_size=500)
    selection.refresh_from_db()
    return selection


def _items(selection: Selection, looked_at: Sequence[LookedAt]) -> Iterator[SelectionItem]:
    plain = [field.pk for field, found in looked_at if not found]
    # Shown to a person as examples, so any random ones will do.
    examples = set(random.sample(plain, min(EXAMPLES, len(plain))))
    for place, (field, found) in enumerate(looked_at):
        yield SelectionItem(
            selection=selection,
            position=place,
            field=field,
            seen=context.digest(field),
            is_example=bool(found) or field.pk in examples,
            result=Result.OMITTED if FieldWarning.CHANGED in found else Result.OPEN,
            concerns=",".join(found),
        )


def refresh_live_values(selection: Selection, record_ids: Collection[uuid.UUID], *, crm: CrmClient) -> bool:
    """Read the CRM's present values for these edits of an undecided selection; leave out fields that have others now.

    Return False where the CRM did not answer; the list then stays as it is.
    """
    open_ones = selection.items.filter(result=Result.OPEN, field__record__in=record_ids)
    before = list(open_ones.select_related("field__record"))
    answered = live_values.refresh_if_answering(record_ids, crm=crm) is not None
    _take_over_reading(selection, before)
    return answered


@transaction.atomic
def _take_over_reading(selection: Selection, before: Sequence[SelectionItem]) -> None:
    """Leave out what has another value in the CRM now; `before` are the items with their fields before the reading."""
    locked(Selection.objects.all()).get(pk=selection.pk)
    if SelectionRun.objects.filter(pk=selection.pk).exists():
        return  # it is being decided: what changed is refused there
    fields = SyncField.objects.select_related("record").undecided().in_bulk([item.field_id for item in before])
    looked_at = {field.pk: found for field, found in _with_concerns(list(fields.values()))}
    moved = []
    for item in before:
        found = looked_at.get(item.field_id, ())
        if FieldWarning.CHANGED in found:
            moved.append(item)
            item.result, item.concerns, item.is_example = Result.OMITTED, ",".join(found), True
        elif item.field_id in fields and context.digest(item.field) == item.seen:
            # The page shows this state from now on; anything else that moved keeps the digest from matching.
            item.field.contact_state = fields[item.field_id].contact_state
            moved += [item] if context.digest(item.field) != item.seen else []
            item.seen = context.digest(item.field)
    if not moved:
        return
    SelectionItem.objects.bulk_update(moved, ["result", "concerns", "is_example", "seen"], batch_size=500)
    left = selection.items.filter(result=Result.OPEN)
    counts = left.aggregate(fields=Count("pk"), contacts=Count("field__record", distinct=True))
    Selection.objects.filter(pk=selection.pk).update(**counts)
    selection.refresh_from_db(fields=["fields", "contacts"])


def _with_concerns(fields: Sequence[SyncField]) -> list[LookedAt]:
    known = {table: columns.of_table(table) for table in {field.record.target_table for field in fields}}
    return [(field, warnings_for(field, known[field.record.target_table].get(field.column_name))) for field in fields]


def _why_none(*, is_changed: bool, is_unidentified: bool) -> str:
    if is_unidentified:
        return "The editors of these fields are not identified in the CRM, so the edits could be your own."
    if is_changed:
        return "The values of these fields changed in the CRM after the edit. Open each contact to decide them."
    return "None of these fields can be decided together. Nothing was changed."


def _bars(person: Person, fields: Sequence[SyncField]) -> dict[uuid.UUID, BlockReason]:
    """Return the fields that this person may not decide; an editor who is not read yet may be so by then."""
    editors = four_eyes.load_editors(field.record.editor_id for field in fields)
    found = {field.pk: editors.block_reason(field.record.editor_id, (person,)) for field in fields}
    return {pk: bar for pk, bar in found.items() if bar is not None and bar is not BlockReason.UNREAD}


def start(selection: Selection, wish: BulkDecision, *, number: int | None, by: Person) -> SelectionRun:
    """Ask for the same outcome for all of it, once. Raises NotPossible without the number where it is many."""
    if selection.person_id != by.pk:
        raise NotPossible("Only the person who made this selection decides it.")
    try:
        with transaction.atomic():
            # Whoever reads the CRM's values meanwhile may leave some out: the number is that of what is decided.
            selection = locked(Selection.objects.all()).get(pk=selection.pk)
            _refuse_other_number(selection, number)
            run = SelectionRun.objects.create(
                selection=selection,
                due_at=Now(),
                outcome=wish.outcome,
                reason_code=wish.reason_code,
                reason=wish.reason,
            )
            counted = {"contacts": selection.contacts, "fields": selection.fields}
            audit.record(f"selection.{wish.outcome}", by=by, channel="screen", group=selection.pk, details=counted)
    except IntegrityError as error:
        raise NotPossible("This selection was decided already.") from error
    if selection.fields <= IN_REQUEST:
        work(selection.pk, seconds=settings.SOFT_LIMIT / 4)
    return run


def _refuse_other_number(selection: Selection, number: int | None) -> None:
    if not selection.fields:
        raise NotPossible(_why_none(is_changed=True, is_unidentified=False))
    if selection.fields > AT_ONCE and number != selection.fields:
        raise NotPossible(f"Type {selection.fields} to confirm that all of them are meant.")


def work(selection_id: uuid.UUID, *, seconds: float, crm: CrmClient | None = None) -> None:
    """Decide items until none is left or the time is up; what is left is due again at once. Safe to run twice.

    With `crm`, its present values are read before; whatever has another one is refused.
    """
    runner.run(SelectionJob(seconds, crm=crm), selection_id)


@runner.register
class SelectionJob(JobType):
    """Decide a frozen list, one contact at a time; a failure refuses what could not be decided, with the reason."""

    name = "selection"
    title = "Deciding edits together"
    failures_at = "the result page of the selection"
    model = SelectionRun
    overdue_after = 60.0

    def __init__(self, seconds: float, *, crm: CrmClient | None = None) -> None:
        self._seconds = seconds
        self._crm = crm

    def process(self, lease: Lease, permit: Permit) -> None:
        """Decide contact by contact; one that fails unexpectedly lets the others go first. Raises LostLease."""
        run = SelectionRun.objects.select_related("selection__person").get(pk=lease.pk)
        until = time.monotonic() + self._seconds
        failed: Exception | None = None
        for items in self._with_present_values(_by_contact(run.selection)):
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

    def _with_present_values(self, contacts: Iterable[list[SelectionItem]]) -> Iterator[list[SelectionItem]]:
        """Read the CRM's values of some contacts in one request before they are decided, as long as it answers."""
        left = iter(contacts)
        while some := list(islice(left, MOST_CONTACTS_AT_ONCE)):
            ids = [items[0].field.record_id for items in some]
            if self._crm is not None and live_values.refresh_if_answering(ids, crm=self._crm) is None:
                self._crm = None  # the stored values count, as without a CRM; the delivery compares once more
            yield from some

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Refuse what is left with the reason; the page offers to decide it again. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        SelectionItem.objects.filter(selection=lease.pk, result=Result.OPEN).update(
            result=Result.REFUSED, why=failure.reason[:300]
        )


def _by_contact(selection: Selection) -> Iterator[list[SelectionItem]]:
    open_ones = selection.items.filter(result=Result.OPEN).select_related("field").order_by("position")
    for _, items in groupby(list(open_ones), key=lambda item: item.field.record_id):
        yield list(items)


@retried
def _decide(lease: Lease, run: SelectionRun, items: list[SelectionItem]) -> None:
    """One contact: its decisions become due at one moment, and are kept together with their results."""
    queue.lock(lease)
    person = run.selection.person
    if not person.has_role(Role.REVIEWER):
        _refuse(items, "The person who asked for it no longer reviews.")
        return
    choices = [
        decisions.Choice(item.field_id, Outcome(run.outcome), item.seen, reason_code=run.reason_code, reason=run.reason)
        for item in items
    ]
    decided = decisions.decide(choices, by=person, channel="selection", group=run.selection.pk)
    taken = {decision.field_id: decision for decision in decided.taken}
    words = {error.field.pk: str(error) for error in decided.refused if error.field}
    for item in items:
        decision = taken.get(item.field_id)
        if decision:
            SelectionItem.objects.filter(pk=item.pk).update(result=Result.TAKEN, decision=decision)
        else:
            _refuse([item], words.get(item.field_id, "This edit is no longer here."))


def _refuse(items: Sequence[SelectionItem], why: str) -> None:
    pks = [item.pk for item in items]
    SelectionItem.objects.filter(pk__in=pks).update(result=Result.REFUSED, why=why[:300])


def undo(selection: Selection, *, by: Person) -> tuple[int, int]:
    """Take back what is on no way yet; how many were, and how many were written already."""
    taken = selection.items.filter(result=Result.TAKEN, decision__state=DecisionState.OPEN)
    undone = late = 0
    for decision_id in taken.order_by("position").values_list("decision_id", flat=True):
        try:
            decisions.undo(decision_id, by=by, channel="selection")
            undone += 1
        except ReviewError:
            late += 1
    return undone, late


def is_working(run: SelectionRun) -> bool:
    """Whether items of it may still be decided."""
    return run.state not in (JobState.DONE, JobState.FAILED)
