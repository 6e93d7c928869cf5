"""Bulk decisions: select a list of fields, confirm, follow the progress, undo."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.models import Selection
from syncapp.models.person import Role
from syncapp.models.review.decision import Outcome
from syncapp.review import reasons
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import BulkDecision
from syncapp.review.errors import ReviewError
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, PageContext, render_page, wants_part
from syncapp.web.review.decision_form import (
    NO_DECISION,
    FieldInput,
    Invalid,
    Problem,
    first_problem,
    read_input,
    read_reason,
)
from syncapp.web.review.params import read_params
from syncapp.web.review.record import live_values_problem
from syncapp.web.review.selection_presenter import SelectionPresenter

KEY = "selection"  # the key in the names of the reason's controls


class SelectionForm(forms.Form):
    """The form to approve or reject every field of a selection; `number` repeats the number of fields of a long one."""

    do = forms.ChoiceField(
        choices=[("approve", "Approve"), ("reject", "Reject")],
        error_messages={"required": NO_DECISION, "invalid_choice": NO_DECISION},
    )
    number = forms.CharField(required=False)
    code = forms.CharField(required=False)
    text = forms.CharField(required=False)

    def add_prefix(self, field_name: str) -> str:
        return f"{field_name}.{KEY}" if field_name in ("code", "text") else field_name

    def clean_number(self) -> int | None:
        try:
            return localization.parse_whole_number(self.cleaned_data["number"])
        except localization.Unreadable:
            return None

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("do") == "reject":
            try:
                given["code"], given["text"] = read_reason(FieldInput(code=given["code"], text=given["text"]))
            except Invalid as invalid:
                self.add_error(invalid.problem.control, str(invalid))
        return given

    @property
    def decision(self) -> BulkDecision:
        """Return the decision for every field."""
        if self.cleaned_data["do"] == "approve":
            return BulkDecision(Outcome.APPROVED)
        return BulkDecision(Outcome.REJECTED, reason_code=self.cleaned_data["code"], reason=self.cleaned_data["text"])


@allow(Role.REVIEWER, methods=("POST",))
def select(request: PortalRequest) -> HttpResponse:
    """Select the ticked edits, or the whole list on all of its pages."""
    params = read_params(request.GET, request.user).first_page
    details: dict[str, Any] = {"criteria": params.criteria, "query": params.query, "person": request.user}
    if "all" in request.POST:
        return _create_selection(
            request, partial(selections.select_all, tab=params.tab, **details), queue_query=params.query
        )
    ids = [record_id for record_id in map(parse_uuid, request.POST.getlist("record")) if record_id]
    return _create_selection(request, partial(selections.select_rows, ids, **details), queue_query=params.query)


@allow(*REVIEW_ROLES)
def selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Show the fixed list with its form, or its progress and results."""
    return _page(request, _get_selection(request, selection_id))


@allow(Role.REVIEWER, methods=("POST",))
def decide_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Approve or reject every field of the list."""
    row = _get_selection(request, selection_id)
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _page(request, row, problem=first_problem(form), status=422)
    number = form.cleaned_data["number"]
    try:
        selections.start(row, form.decision, number=number, by=request.user)
    except ReviewError as error:
        problem = Problem(str(error), "" if number == row.fields else "number")
        return _page(request, row, problem=problem, status=422)
    return _redirect_to_selection(row)


@allow(Role.REVIEWER, methods=("POST",))
def read_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Read the live values of the listed fields; if the CRM does not answer, show the stored ones and their age."""
    row, shows_all = _get_selection(request, selection_id), "all" in request.GET
    before = SelectionPresenter(row, request.user, shows_all=shows_all)
    if not before.may_decide or before.run is not None:
        return _redirect_to_selection(row)
    record_ids = before.record_ids
    crm_answered = selections.refresh_live_values(row, record_ids, crm=clients.crm())
    if not wants_part(request):
        if not crm_answered:
            messages.error(request, live_values_problem())
        return _redirect_to_selection(row, "?all=1" if shows_all else "")
    after = SelectionPresenter(row, request.user, shows_all=shows_all, crm_failed=not crm_answered)
    # If this read leaves out fields, the rest may be short enough to be listed in full; then read those as well.
    after.read_soon = crm_answered and not set(after.record_ids) <= set(record_ids)
    counts_changed = request.POST.get("fields") != str(row.fields)
    context = _context_of(request, after) | {"counts_changed": counts_changed}
    return render_page(request, "review/_selection_read.html", context)


@allow(Role.REVIEWER, methods=("POST",))
def undo_selection(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Undo the decisions that are not yet part of a delivery."""
    row = _get_selection(request, selection_id)
    undone, late = selections.undo(row, by=request.user)
    too_late = f" Too late for {late}: already being written." if late else ""
    messages.success(request, f"{undone} undone.{too_late}")
    return _redirect_to_selection(row)


@allow(Role.REVIEWER, methods=("POST",))
def select_refused(request: PortalRequest, selection_id: uuid.UUID) -> HttpResponse:
    """Select the refused fields again with their current values."""
    row = _get_selection(request, selection_id)
    return _create_selection(
        request, partial(selections.select_refused, row, person=request.user), queue_query=row.query
    )


def _get_selection(request: PortalRequest, selection_id: uuid.UUID) -> Selection:
    """Return the selection. Raises Http404 for another person's, except for administrators."""
    row = get_object_or_404(Selection.objects.select_related("run", "person"), pk=selection_id)
    if row.person_id != request.user.pk and not request.user.is_administrator:
        raise Http404
    return row


def _create_selection(request: PortalRequest, create: Callable[[], Selection], *, queue_query: str) -> HttpResponse:
    """Show the new selection, or the queue with the reason for a refusal."""
    try:
        return _redirect_to_selection(create())
    except ReviewError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("queue") + queue_query, status=303)


def _page(request: PortalRequest, row: Selection, *, problem: Problem | None = None, status: int = 200) -> HttpResponse:
    presenter = SelectionPresenter(row, request.user, shows_all="all" in request.GET, read_soon=True)
    template = "review/_selection_progress.html" if wants_part(request) else "review/selection.html"
    return render_page(request, template, _context_of(request, presenter) | {"problem": problem}, status=status)


def _context_of(request: PortalRequest, presenter: SelectionPresenter) -> dict[str, Any]:
    return {
        "section": "review",
        "page_context": PageContext(request.user),
        "selection": presenter,
        "reasons": reasons.options(),
        "input": read_input(request.POST, KEY),
        "key": KEY,
        "number": request.POST.get("number", ""),
    }


def _redirect_to_selection(row: Selection, query: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("selection", args=[row.pk]) + query, status=303)
