"""Runs: the list, one run with its preview, progress and results, and the buttons that control it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.mirror.filters import inventory
from syncapp.models import FilterRun, Person
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import preparation, retries, transitions, undo
from syncapp.text.ids import parse_uuid
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page, wants_part
from syncapp.web.filters import preview_actions
from syncapp.web.filters.plan_form import StartForm
from syncapp.web.filters.preview_params import PreviewParams
from syncapp.web.filters.preview_presenter import PreviewPresenter
from syncapp.web.filters.run_presenter import RunPresenter
from syncapp.web.filters.second_person_presenter import SecondPersonPresenter

MAX_RUNS = 100
_MAX_READ_AGAIN = 50
_Action = Callable[[PortalRequest, FilterRun], object]


@allow(*FILTER_ROLES)
def filter_runs(request: PortalRequest) -> HttpResponse:
    """List the newest runs."""
    runs = FilterRun.objects.select_related("person").order_by("-frozen_at")[:MAX_RUNS]
    context = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "runs": [RunPresenter(run, request.user) for run in runs],
        "may_plan": request.user.has_role(Role.FILTER_MANAGER),
    }
    return render_page(request, "filters/runs.html", context)


@allow(*FILTER_ROLES)
def filter_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Show one run: its preview, or its progress and results."""
    run = get_object_or_404(FilterRun.objects.select_related("person", "confirmed_by", "undoes", "retries"), pk=run_id)
    after = parameters.whole_number(request.GET.get("after", ""))
    view = RunPresenter(run, request.user, part=request.GET.get("part", ""), after=-1 if after is None else after)
    has_preview = view.is_preview and not view.is_preparing
    context = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "run": run,
        "view": view,
        "preview": PreviewPresenter(view, PreviewParams.read(request.GET)) if has_preview else None,
        "second": SecondPersonPresenter(run, request.user),
        "limits": clients.crm().limiter_status() if run.state == RunState.RUNNING else None,
    }
    template = "filters/_run.html" if wants_part(request) else "filters/run.html"
    return render_page(request, template, context)


@allow(Role.FILTER_MANAGER, Role.ADMINISTRATOR, methods=("POST",))
def confirm_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Confirm exactly this list as the second person."""
    run = get_object_or_404(FilterRun, pk=run_id)
    return _perform(request, run, lambda request, run: transitions.confirm(run, by=request.user))


@allow(Role.FILTER_MANAGER, methods=("POST",))
def steer_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Start, pause, resume, cancel, move, undo or retry the run, or change its list, depending on the button."""
    run = get_object_or_404(FilterRun, pk=run_id)
    if change := preview_actions.ACTIONS.get(request.POST.get("do", "")):
        return _change_list(request, run, change)
    action = _ACTIONS.get(request.POST.get("do", ""))
    if action is None:
        messages.error(request, "The form did not say what to do. Nothing was changed; press the button again.")
        return _redirect_to_run(run)
    return _perform(request, run, action)


def _start(request: PortalRequest, run: FilterRun) -> None:
    form = StartForm(request.POST)
    transitions.set_start_options(run, form.valid_options(run), by=request.user)
    if form.errors:
        raise NotPossible(form.problem)
    if request.POST.getlist("item"):
        raise NotPossible("You selected users without choosing what to do with them. The run was not started.")
    chosen = parse_uuid(request.POST.get("ask", ""))
    confirmer = Person.objects.filter(pk=chosen).first() if chosen else None
    transitions.start(run, by=request.user, confirmer=confirmer)


def _change_list(request: PortalRequest, run: FilterRun, change: preview_actions.Action) -> HttpResponse:
    """Change the list of a planned run and show the same part of it again; the typed start options are kept."""
    shown = PreviewParams.read(QueryDict(request.POST.get("view", "").lstrip("?")))
    try:
        transitions.set_start_options(run, StartForm(request.POST).valid_options(run), by=request.user)
        messages.info(request, change(request, run))
    except NotPossible as problem:
        messages.error(request, str(problem))
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]) + shown.query(asks=False), status=303)


def _retry(request: PortalRequest, run: FilterRun) -> FilterRun:
    outcome = request.POST.get("outcome", "")
    if outcome not in Outcome.values:
        raise NotPossible("Choose the result to retry. Nothing was changed.")
    # A few users are read again, so that the new list is current. If the CRM does not answer, stored values are used.
    ids = list(run.items.filter(outcome=outcome).values_list("user", flat=True)[: _MAX_READ_AGAIN + 1])
    if len(ids) <= _MAX_READ_AGAIN and breakers.all_closed(breakers.CONNECTION_BREAKERS):
        with suppress(CrmError):
            inventory.refresh(clients.crm(), ids)
    return retries.retry(run, Outcome(outcome), by=request.user)


def _action_for(operation: Callable[..., object]) -> _Action:
    return lambda request, run: operation(run, by=request.user)


_ACTIONS: dict[str, _Action] = {
    "start": _start,
    "pause": _action_for(transitions.pause),
    "resume": _action_for(transitions.resume),
    "cancel": _action_for(transitions.cancel),
    "again": _action_for(preparation.retry),
    "ask": _action_for(transitions.ask_others),
    "now": lambda request, run: transitions.move_start(run, None, by=request.user),
    "move": lambda request, run: transitions.move_start(run, StartForm(request.POST).value("starts"), by=request.user),
    "retry": _retry,
    "undo": _action_for(undo.undo),
}


def _perform(request: PortalRequest, run: FilterRun, action: _Action) -> HttpResponse:
    """Perform an action; show the run that it created, or else this one with the reason for a refusal."""
    try:
        result = action(request, run)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _redirect_to_run(run)
    return _redirect_to_run(result if isinstance(result, FilterRun) else run)


def _redirect_to_run(run: FilterRun) -> HttpResponse:
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)
