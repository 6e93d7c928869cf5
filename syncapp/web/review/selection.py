"""Many edits decided together: the frozen list, the question what is to become of it, and what became of each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.models import Selection
from syncapp.models.person import Role
from syncapp.models.review.decision import Outcome
from syncapp.preferences import OTHER
from syncapp.review import reasons
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import BulkDecision
from syncapp.review.errors import ReviewError
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, PageContext, render_page, wants_part
from syncapp.web.review import forms, params
from syncapp.web.review.forms import Problem
from syncapp.web.review.selection_presenter import SelectionView
from syncapp.web.review.views import NO_ANSWER

KEY = "selection"  # names the reason's controls


class _Refused(ValueError):
    """The form lacks an answer, in the input named `control`."""

    def __init__(self, message: str, control: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(message, control)


@allow(Role.REVIEWER, methods=("POST",))
def select(request: PortalRequest) -> HttpResponse:
    """Freeze what is ticked, or all that the list shows on all of its pages."""
    wanted = params.read(request.GET, request.user).first_page
    by, query, person = wanted.by, wanted.query, request.user
    if "all" in request.POST:
        everything = partial(selections.freeze_all, tab=wanted.tab, criteria=by, query=query, person=person)
        return _frozen(request, everything, otherwise=query)
    ticked = [key for key in map(parse_uuid, request.POST.getlist("record")) if key]
    return _frozen(
        request, partial(selections.freeze_rows, ticked, criteria=by, query=query, person=person), otherwise=query
    )


@allow(*REVIEW_ROLES)
def selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """The frozen list with its question, or how far it is and what became of each."""
    return _page(request, _selection(request, selection_id))


@allow(Role.REVIEWER, methods=("POST",))
def decide_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Approve or reject all of it."""
    row = _selection(request, selection_id)
    number = _number(request)
    try:
        selections.start(row, _wish(request), number=number, by=request.user)
    except _Refused as refused:
        return _page(request, row, problem=refused.problem, status=422)
    except ReviewError as error:
        problem = Problem(str(error), "" if number == row.fields else "number")
        return _page(request, row, problem=problem, status=422)
    return _to(row)


@allow(Role.REVIEWER, methods=("POST",))
def read_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Ask the CRM for its present values of what is shown; where it is silent the stored ones stay, with their age."""
    row, everything = _selection(request, selection_id), "all" in request.GET
    shown = SelectionView(row, request.user, everything=everything)
    if not shown.may_decide or shown.run is not None:
        return _to(row)
    asked_for = shown.record_ids
    answered = selections.refresh_live_values(row, asked_for, crm=clients.crm())
    if not wants_part(request):
        if not answered:
            messages.error(request, NO_ANSWER)
        return _to(row, "?all=1" if everything else "")
    view = SelectionView(row, request.user, everything=everything, crm_failed=not answered)
    # What was left out may make the rest few enough to be shown completely: then that is read as well.
    view.read_soon = answered and not set(view.record_ids) <= set(asked_for)
    context = _context(request, view, problem=None)
    context["counts_moved"] = request.POST.get("fields") != str(row.fields)
    return render_page(request, "review/_selection_read.html", context)


@allow(Role.REVIEWER, methods=("POST",))
def undo_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Take back what is on no way to the CRM yet."""
    row = _selection(request, selection_id)
    undone, late = selections.undo(row, by=request.user)
    words = f"{undone} undone."
    messages.success(request, words + (f" {late} were already being written." if late else ""))
    return _to(row)


@allow(Role.REVIEWER, methods=("POST",))
def select_left(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Freeze those that were not decided again, as they are now."""
    row = _selection(request, selection_id)
    return _frozen(request, lambda: selections.freeze_refused(row, person=request.user), otherwise=row.query)


def _selection(request: PortalRequest, selection_id: uuid.UUID) -> Selection:
    row = get_object_or_404(Selection.objects.select_related("run", "person"), pk=selection_id)
    if row.person_id != request.user.pk and not request.user.is_administrator:
        raise Http404
    return row


def _frozen(request: PortalRequest, freeze: Callable[[], Selection], *, otherwise: str) -> HttpResponse:
    try:
        return _to(freeze())
    except ReviewError as problem:
        messages.error(request, str(problem))
        return HttpResponseRedirect(reverse("queue") + otherwise, status=303)


def _page(request: PortalRequest, row: Selection, *, problem: Problem | None = None, status: int = 200) -> HttpResponse:
    view = SelectionView(row, request.user, everything="all" in request.GET, read_soon=True)
    template = "review/_selection_progress.html" if wants_part(request) else "review/selection.html"
    return render_page(request, template, _context(request, view, problem=problem), status=status)


def _context(request: PortalRequest, view: SelectionView, *, problem: Problem | None) -> dict[str, object]:
    context = {"section": "review", "around": PageContext(request.user), "selection": view, "problem": problem}
    context |= {"reasons": reasons.options(), "typed": forms.typed(request.POST, KEY), "key": KEY}
    return context | {"number": request.POST.get("number", "")}


def _wish(request: PortalRequest) -> BulkDecision:
    """Return what the pressed button asks for. Raises _Refused with what is missing."""
    if request.POST.get("do") == "approve":
        return BulkDecision(Outcome.APPROVED)
    if request.POST.get("do") != "reject":
        raise _Refused("The form came without a decision. Nothing was changed.")
    said = forms.typed(request.POST, KEY)
    code = said.code if said.code in reasons.options() else ""
    if not code and reasons.is_required():
        raise _Refused("Choose why they are rejected.", "code")
    if code == OTHER and not said.reason:
        raise _Refused("“Other” needs a sentence.", "text")
    return BulkDecision(Outcome.REJECTED, reason_code=code, reason=said.reason[: reasons.MAX_LENGTH])


def _number(request: PortalRequest) -> int | None:
    try:
        return localization.typed_whole(request.POST.get("number", ""))
    except localization.Unreadable:
        return None


def _to(row: Selection, query: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("selection", args=[row.pk]) + query, status=303)
