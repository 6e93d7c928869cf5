"""The queue and the record page. Each page works as plain forms; htmx asks for the same parts of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from syncapp import connection, gates
from syncapp.crm.errors import CrmError
from syncapp.mirror import columns
from syncapp.mirror.now import Refreshed, refresh_crm_now
from syncapp.models import Decision, Gate, SyncField, SyncRecord
from syncapp.models.person import Role
from syncapp.review import decisions, later, reasons
from syncapp.review.errors import BadValue, ReviewError
from syncapp.web import asked, forms, shown
from syncapp.web.access import PortalRequest, allow
from syncapp.web.page import REVIEW_ROLES, Surroundings, answer, wants_part
from syncapp.web.queue_view import QueueView
from syncapp.web.shown import RecordShown

# While one of these is closed the CRM need not be asked: it does not answer us.
SILENT_GATES = (Gate.Name.CRM_UNREACHABLE, Gate.Name.CRM_CREDENTIALS, Gate.Name.WRONG_ORGANIZATION)
Problems = Mapping[uuid.UUID | None, str]


@allow(*REVIEW_ROLES)
def home(request: PortalRequest) -> HttpResponse:
    """The first page is the queue."""
    return redirect("queue")


@allow(*REVIEW_ROLES)
def queue(request: PortalRequest) -> HttpResponse:
    """The list, with its first edit open beside it."""
    view = _view(request)
    view.current = next(iter(view.page.records), None)
    page = _shown(request, view) if view.current else None
    return answer(request, "review/queue.html", _context(view, page, showing="list", read_soon=True))


@allow(*REVIEW_ROLES)
def record(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """One contact's edit; htmx gets the right side alone, or only the rows it is watching."""
    row = _record(record_id)
    view = _view(request, row)
    page = _shown(request, view)
    if wants_part(request) and "live" in request.GET:
        return _moved(request, view, page)
    template = "review/_record.html" if wants_part(request) else "review/record.html"
    return answer(request, template, _context(view, page, showing="record", read_soon=True))


@allow(Role.REVIEWER, methods=("POST",))
def decide(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Take the decisions of one submit: of a field, of those that are marked, or of all."""
    row = _record(record_id)
    submitted = forms.read(request.POST, shown.fields_of(row), columns.of_table(row.target_table))
    if submitted.problems:
        return _page_again(request, row, submitted.problems, status=422)
    result = decisions.decide(submitted.choices, by=request.user)
    problems = {error.field.pk if error.field else None: str(error) for error in result.refused}
    if not problems:
        return _done(request, row, said=_said(result.taken))
    return _page_again(request, row, problems, status=_status(result.refused), taken=len(result.taken))


@allow(Role.REVIEWER, methods=("POST",))
def undo(request: PortalRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Take a decision back while it is on no way."""
    decision = get_object_or_404(Decision.objects.select_related("field__record"), pk=decision_id)
    return _step(request, decision.field, lambda: decisions.undo(decision_id, by=request.user), said="Undone.")


@allow(Role.REVIEWER, methods=("POST",))
def retry(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Send a failed decision once more."""
    return _step(request, _field(field_id), lambda: decisions.retry(field_id, by=request.user), said="Tried again.")


@allow(Role.REVIEWER, methods=("POST",))
def put_back(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Write the value that an approval replaced."""
    return _later(request, field_id, later.put_back, said="The old value is put back.")


@allow(Role.REVIEWER, methods=("POST",))
def approve_after_all(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Write the value that was rejected."""
    return _later(request, field_id, later.approve_after_all, said="Approved after all.")


@allow(Role.REVIEWER, methods=("POST",))
def read_again(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Ask the CRM for its present values; where it is silent the stored ones stay, with their age."""
    row = _record(record_id)
    found = _read_crm(row)
    if not wants_part(request):
        if found is None:
            messages.error(request, "CRM did not answer. The page shows the values that were read before.")
        return _to_record(request, row)
    view = _view(request, row)
    page = _shown(request, view)
    page = shown.crm_silent(page) if found is None else page
    if found is not None and found.gone_changed:
        return _whole_record(request, _context(view, page))
    moved = shown.only(page, found.changed) if found else []
    return answer(request, "review/_read.html", _context(view, page, moved=moved))


def _record(record_id: uuid.UUID) -> SyncRecord:
    return get_object_or_404(SyncRecord.objects.shown(), pk=record_id)


def _field(field_id: uuid.UUID) -> SyncField:
    return get_object_or_404(SyncField.objects.select_related("record").filter(record__is_stub=False), pk=field_id)


def _view(request: PortalRequest, current: SyncRecord | None = None) -> QueueView:
    return QueueView(asked.read(request.GET, request.user), Surroundings(request.user), current=current)


def _shown(request: PortalRequest, view: QueueView, problems: Problems | None = None) -> RecordShown:
    """The view's open edit as it is now, with what the reviewer had typed into the form that was sent."""
    post, row = request.POST, view.current
    if row is None:
        raise Http404
    typed = (lambda key: forms.typed(post, key)) if post else shown.nothing_typed
    known = view.columns_of(row.target_table)
    return shown.record_shown(row, person=request.user, known=known, typed=typed, problems=problems)


def _context(view: QueueView, page: RecordShown | None, **more: Any) -> dict[str, Any]:
    frame = {"section": "review", "around": view.around}
    return frame | {"view": view, "shown": page, "reasons": reasons.offered()} | more


def _moved(request: PortalRequest, view: QueueView, page: RecordShown) -> HttpResponse:
    """The rows that were under way when the page last looked; the forms of the others stay untouched."""
    watched = set(request.GET.get("live", "").split(","))
    rows = [field for field in page.fields if str(field.id) in watched]
    settled = any(not field.is_under_way for field in rows)
    return answer(request, "review/_moved.html", _context(view, page, moved=rows, settled=settled))


def _step(request: PortalRequest, field: SyncField, step: Callable[[], object], *, said: str) -> HttpResponse:
    try:
        step()
    except ReviewError as error:
        return _page_again(request, field.record, {field.pk: str(error)}, status=409)
    return _done(request, field.record, said=said)


def _later(request: PortalRequest, field_id: uuid.UUID, step: Callable[..., object], *, said: str) -> HttpResponse:
    field = _field(field_id)
    reason, problem = forms.later_reason(request.POST, field_id)
    if problem:
        return _page_again(request, field.record, {field.pk: problem}, status=422)
    return _step(request, field, lambda: step(field_id, by=request.user, reason=reason), said=said)


def _status(refused: Sequence[ReviewError]) -> int:
    return 422 if all(isinstance(error, BadValue) for error in refused) else 409


def _said(taken: Sequence[Decision]) -> str:
    """What a screen reader hears of a submit."""
    approved = sum(decision.outcome == "approved" for decision in taken)
    counts = ((approved, "approved"), (len(taken) - approved, "rejected"))
    return ", ".join(f"{count} {word}" for count, word in counts if count) + "."


def _done(request: PortalRequest, row: SyncRecord, *, said: str) -> HttpResponse:
    if not wants_part(request):
        return _to_record(request, row)
    view = _view(request, _record(row.pk))
    return answer(request, "review/_swap.html", _context(view, _shown(request, view), said=said))


def _page_again(
    request: PortalRequest, row: SyncRecord, problems: Problems, *, status: int, taken: int = 0
) -> HttpResponse:
    """The page with what went wrong beside what was typed."""
    view = _view(request, _record(row.pk))
    context = _context(view, _shown(request, view, problems), showing="record", taken=taken)
    template = "review/_swap.html" if wants_part(request) else "review/record.html"
    return answer(request, template, context, status=status)


def _to_record(request: PortalRequest, row: SyncRecord) -> HttpResponse:
    return HttpResponseRedirect(reverse("record", args=[row.pk]) + _view(request).query, status=303)


def _whole_record(request: PortalRequest, context: dict[str, Any]) -> HttpResponse:
    response = answer(request, "review/_record.html", context)
    for name, value in {"HX-Retarget": "#record", "HX-Reswap": "outerHTML show:none"}.items():
        response[name] = value
    return response


def _read_crm(row: SyncRecord) -> Refreshed | None:
    """What the CRM said, or None where it said nothing in time."""
    if not gates.are_open(SILENT_GATES):
        return None
    try:
        return refresh_crm_now(row, crm=connection.crm())
    except CrmError:
        return None
