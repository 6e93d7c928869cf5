"""The queue and the record page. Each page works as plain forms; htmx asks for the same parts of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from syncapp import preferences
from syncapp.connection import clients
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.mirror.edits import live_values
from syncapp.mirror.edits.live_values import RefreshResult
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.models.person import Role
from syncapp.review import context as steps
from syncapp.review import decisions, follow_ups, groups
from syncapp.review.decisions import Choice
from syncapp.review.errors import BadValue, ReviewError
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page, wants_part
from syncapp.web.review import forms, links, record_page
from syncapp.web.review import record as shown
from syncapp.web.review.forms import Problem
from syncapp.web.review.queue import QueueView
from syncapp.web.review.record import RecordShown
from syncapp.web.review.record_page import Problems

NO_ANSWER = "CRM did not answer. The page shows the values that were read before."


@allow(*REVIEW_ROLES, Role.FILTER_MANAGER)
def home(request: PortalRequest) -> HttpResponse:
    """The first page is the queue; who manages filters only begins with the matrix."""
    return redirect("queue" if request.user.has_role(*REVIEW_ROLES) else "filters")


@allow(*REVIEW_ROLES)
def queue(request: PortalRequest) -> HttpResponse:
    """The list, with its first edit open beside it."""
    view = record_page.view_of(request)
    view.current = next(iter(view.page.records), None)
    page = record_page.shown_in(request, view) if view.current else None
    gone = links.gone(request.GET)
    context = record_page.context_of(request, view, page, showing="list", read_soon=True, gone=gone)
    return render_page(request, "review/queue.html", context)


@allow(*REVIEW_ROLES)
def record(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """One contact's edit; htmx gets the right side alone, or only the rows it is watching."""
    view = record_page.view_of(request, record_page.record_or_404(record_id))
    if wants_part(request) and "live" in request.GET:
        return _moved(request, view)
    page = record_page.shown_in(request, view)
    template = "review/_record.html" if wants_part(request) else "review/record.html"
    came = links.came_by_link(request.GET, page)
    context = record_page.context_of(request, view, page, showing="record", read_soon=True, came=came)
    return render_page(request, template, context)


@allow(Role.REVIEWER, methods=("POST",))
def decide(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Take the decisions of one submit: of a field, of a group, of those that are marked, or of all."""
    row = record_page.record_or_404(record_id)
    fields = list(SyncField.objects.filter(record=row))
    known = columns.of_table(row.target_table)
    grouped = groups.find_groups(fields, preferences.read().field_groups, known)
    submitted = forms.read(request.POST, fields, known, grouped)
    if submitted.problems:
        return record_page.page_again(request, row, submitted.problems, status=422)
    result = decisions.decide(submitted.choices, by=request.user)
    if not result.refused:
        return record_page.done(request, row, said=_said(result.taken), decisions=result.taken)
    problems = _problems(result.refused, submitted.choices, known, reader=request.user)
    return record_page.page_again(request, row, problems, status=_status(result.refused), taken=len(result.taken))


def _problems(
    refused: Sequence[ReviewError], choices: Sequence[Choice], known: Mapping[str, Column], *, reader: Person
) -> Problems:
    """Return what to say beside each refused field, and which input is at fault: a corrected value that is none."""
    corrected = {choice.field_id for choice in choices if choice.is_corrected}
    found: dict[uuid.UUID | str | None, Problem] = {}
    for error in refused:
        field, words = error.field, record_page.words_of(error, reader)
        is_value = isinstance(error, BadValue) and field is not None and field.pk in corrected
        control = forms.value_control(known.get(field.column_name)) if field is not None and is_value else ""
        found[field.pk if field else None] = Problem(words, control)
    return found


@allow(Role.REVIEWER, methods=("POST",))
def undo(request: PortalRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Take a decision back while it is on no way."""
    decision = get_object_or_404(Decision.objects.select_related("field__record"), pk=decision_id)
    take = _undoing(request, [decision_id])
    return record_page.step(request, decision.field.record, take, said="Undone.")


@allow(Role.REVIEWER, methods=("POST",))
def undo_step(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Take back what one submit decided of this edit, as the keyboard asks for it."""
    row = record_page.record_or_404(record_id)
    of = request.GET.get("of", "").split(",")
    ids = [pk for pk in Decision.objects.filter(field__record=row).values_list("pk", flat=True) if str(pk) in of]
    return record_page.step(request, row, _undoing(request, ids), said=f"{len(ids)} undone.")


@allow(Role.REVIEWER, methods=("POST",))
def undo_group(request: PortalRequest, record_id: uuid.UUID, key: str) -> HttpResponse:
    """Take back what was decided together."""
    row = record_page.record_or_404(record_id)
    page = record_page.shown_in(request, record_page.view_of(request, row))
    group = next((group for group in page.groups if group.key == key), None)
    undoable = [field.outcome.undo for field in group.undoable if field.outcome] if group else []
    take = _undoing(request, [found for found in undoable if found is not None])
    return record_page.step(request, row, take, said="Undone.")


def _undoing(request: PortalRequest, ids: Sequence[uuid.UUID]) -> Callable[[], object]:
    return lambda: [decisions.undo(each, by=request.user) for each in ids]


@allow(Role.REVIEWER, methods=("POST",))
def retry(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Send a failed decision once more."""
    row = record_page.field_or_404(field_id).record
    return record_page.step(request, row, lambda: decisions.retry(field_id, by=request.user), said="Tried again.")


@allow(Role.REVIEWER, methods=("POST",))
def put_back(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Write the value that an approval replaced."""
    return _later(request, field_id, follow_ups.put_back, said="The old value is put back.")


@allow(Role.REVIEWER, methods=("POST",))
def approve_after_all(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Write the value that was rejected."""
    return _later(request, field_id, follow_ups.approve_after_all, said="Approved after all.")


@allow(Role.REVIEWER, methods=("POST",))
def read_again(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Ask the CRM for its present values; where it is silent the stored ones stay, with their age."""
    row = record_page.record_or_404(record_id)
    found = _read_crm(row)
    view = record_page.view_of(request, record_page.record_or_404(record_id))
    page = record_page.shown_in(request, view)
    page = shown.crm_silent(page) if found is None else shown.just_read(page, found)
    if not wants_part(request):
        return _whole_page(request, view, page)
    if found is not None and found.gone_changed:
        return _whole_record(request, view, page)
    moved = shown.only(page, {*found.changed, *found.unreadable}) if found else []
    context = {"moved": moved, "heads": shown.heads_of(page, moved)}
    return render_page(request, "review/_read.html", record_page.context_of(request, view, page, **context))


def _whole_page(request: PortalRequest, view: QueueView, page: RecordShown) -> HttpResponse:
    """Answered at once: whose contact it is is not kept, so a redirect would lose it."""
    if page.crm_failed:
        messages.error(request, NO_ANSWER)
    context = record_page.context_of(request, view, page, showing="record")
    return render_page(request, "review/record.html", context)


def _whole_record(request: PortalRequest, view: QueueView, page: RecordShown) -> HttpResponse:
    response = render_page(request, "review/_record.html", record_page.context_of(request, view, page))
    for name, value in {"HX-Retarget": "#record", "HX-Reswap": "outerHTML show:none"}.items():
        response[name] = value
    return response


def _moved(request: PortalRequest, view: QueueView) -> HttpResponse:
    """The rows that were under way when the page last looked; the forms of the others stay untouched."""
    live, back, told = (set(request.GET.get(name, "").split(",")) for name in ("live", "back", "told"))
    page = record_page.shown_in(request, view, _still_told(view, told, request.user))
    rows = [field for field in page.fields if str(field.id) in live | back]
    settled = any(not field.is_being_written for field in rows if str(field.id) in live)
    context = {"moved": rows, "heads": shown.heads_of(page, rows), "settled": settled}
    return render_page(request, "review/_moved.html", record_page.context_of(request, view, page, **context))


def _still_told(view: QueueView, told: Collection[str], reader: Person) -> Problems:
    """Return who decided each field that is already shown as "decided by someone else"."""
    rows = SyncField.objects.filter(record=view.current) if told != {""} else ()
    return {row.pk: Problem(steps.already_decided_message(row, reader=reader)) for row in rows if str(row.pk) in told}


def _later(request: PortalRequest, field_id: uuid.UUID, take: Callable[..., object], *, said: str) -> HttpResponse:
    field = record_page.field_or_404(field_id)
    reason, problem = forms.later_reason(request.POST, field_id)
    if problem:
        return record_page.page_again(request, field.record, {field.pk: problem}, status=422)
    return record_page.step(request, field.record, lambda: take(field_id, by=request.user, reason=reason), said=said)


def _status(refused: Sequence[ReviewError]) -> int:
    return 422 if all(isinstance(error, BadValue) for error in refused) else 409


def _said(taken: Sequence[Decision]) -> str:
    """What a screen reader hears of a submit."""
    approved = sum(decision.outcome == "approved" for decision in taken)
    counts = ((approved, "approved"), (len(taken) - approved, "rejected"))
    return ", ".join(f"{count} {word}" for count, word in counts if count) + "."


def _read_crm(row: SyncRecord) -> RefreshResult | None:
    """What the CRM said, or None where it said nothing in time."""
    found = live_values.refresh_if_answering([row.pk], crm=clients.crm())
    return None if found is None else found.get(row.pk, RefreshResult())
