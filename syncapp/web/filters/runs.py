"""Runs: the list, the frozen preview, progress and result, and the buttons that steer one."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
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
from syncapp.sync_filters.runs import meetings, notification_rules, preparation, retries, schedule, transitions, undo
from syncapp.sync_filters.runs.freezing import MOST_USERS
from syncapp.sync_filters.runs.schedule import Manner
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page, wants_part
from syncapp.web.filters import plan_form
from syncapp.web.filters.plan_form import Missing
from syncapp.web.filters.run_presenter import RunShown
from syncapp.web.filters.second_person import SecondPersons

MOST_RUNS = 100
_READ_AT_ONCE = 50
_WITH = ("person", "confirmed_by", "undoes", "retries")


@allow(*FILTER_ROLES)
def filter_runs(request: PortalRequest) -> HttpResponse:
    """The newest runs."""
    runs = FilterRun.objects.select_related("person").order_by("-frozen_at")[:MOST_RUNS]
    shown = [RunShown(run, request.user) for run in runs]
    context = {"section": "filters", "around": PageContext(request.user), "runs": shown}
    context["may_plan"] = request.user.has_role(Role.FILTER_MANAGER)
    return render_page(request, "filters/runs.html", context)


@allow(*FILTER_ROLES)
def filter_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """One run: what will happen, or what happened so far."""
    run = get_object_or_404(FilterRun.objects.select_related(*_WITH), pk=run_id)
    after = request.GET.get("after", "")
    is_place = after.isascii() and after.isdigit() and len(after) < len(str(MOST_USERS)) + 1
    view = RunShown(run, request.user, part=request.GET.get("part", ""), after=int(after) if is_place else -1)
    context = {"section": "filters", "around": PageContext(request.user), "view": view, "run": run}
    context["second"] = SecondPersons(run, request.user)
    context["limits"] = clients.crm().limiter_status() if run.state == RunState.RUNNING else None
    template = "filters/_run.html" if wants_part(request) else "filters/run.html"
    return render_page(request, template, context)


@allow(Role.FILTER_MANAGER, Role.ADMINISTRATOR, methods=("POST",))
def confirm_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """A second person agrees to this frozen list."""
    run = get_object_or_404(FilterRun, pk=run_id)
    return _steered(request, run, lambda: transitions.confirm(run, by=request.user))


@allow(Role.FILTER_MANAGER, methods=("POST",))
def steer_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Start, pause, resume, cancel, move, undo it or try some again, by the button that was pressed."""
    run = get_object_or_404(FilterRun, pk=run_id)
    step = _STEPS.get(request.POST.get("do", ""))
    if step is None:
        messages.error(request, "The form came without a step. Nothing was changed.")
        return _to(run)
    return _steered(request, run, lambda: step(request, run))


def _start(request: PortalRequest, run: FilterRun) -> None:
    held = map(parameters.whole_number, request.POST.getlist("held"))
    ticked = [key for key in held if key is not None]
    schedule.settle_manner(run, _manner(request, run), by=request.user)
    if ticked:
        meetings.release(run, ticked, by=request.user)
    transitions.start(run, by=request.user, asked=_asked(request, run))


def _manner(request: PortalRequest, run: FilterRun) -> Manner:
    """How it is to be run; what the form does not ask stays as it was planned. Raises NotPossible."""
    sent = {
        name: request.POST[name].strip()
        for name in ("reason", "change_number", "pilot", "starts")
        if name in request.POST
    }
    try:
        pilot = plan_form.number_of(sent["pilot"] or "0", "pilot", most=MOST_USERS) if "pilot" in sent else run.pilot
        starts_at = plan_form.start_of(sent["starts"]) if "starts" in sent else run.starts_at
    except Missing as missing:
        raise NotPossible(str(missing)) from missing
    return Manner(sent.get("reason", run.reason), sent.get("change_number", run.change_number), pilot, starts_at)


def _asked(request: PortalRequest, run: FilterRun) -> Person | None:
    chosen = request.POST.get("ask", "")
    return next((person for person in notification_rules.who_may_confirm(run) if str(person.pk) == chosen), None)


def _move(request: PortalRequest, run: FilterRun) -> None:
    try:
        starts_at = plan_form.start_of(request.POST.get("starts", "").strip())
    except Missing as missing:
        raise NotPossible(str(missing)) from missing
    schedule.move_start(run, starts_at, by=request.user)


def _retry(request: PortalRequest, run: FilterRun) -> FilterRun:
    outcome = request.POST.get("outcome", "")
    if outcome not in Outcome.values:
        raise NotPossible("The form came without a result to be tried again. Nothing was changed.")
    _read_again(run, outcome)
    return retries.retry(run, Outcome(outcome), by=request.user)


def _read_again(run: FilterRun, outcome: str) -> None:
    """Read a few users first, so that the new list is about today; without an answer it is about the last reading."""
    ids = list(run.items.filter(outcome=outcome).values_list("user", flat=True)[: _READ_AT_ONCE + 1])
    if len(ids) > _READ_AT_ONCE or not breakers.all_closed(breakers.CONNECTION_BREAKERS):
        return
    try:
        inventory.refresh(clients.crm(), ids)
    except CrmError:
        return


def _by(step: Callable[..., object]) -> Callable[[PortalRequest, FilterRun], object]:
    return lambda request, run: step(run, by=request.user)


_STEPS: dict[str, Callable[[PortalRequest, FilterRun], object]] = {
    "start": _start,
    "pause": _by(transitions.pause),
    "resume": _by(transitions.resume),
    "cancel": _by(transitions.cancel),
    "again": _by(preparation.again),
    "ask": _by(transitions.ask_others),
    "now": lambda request, run: schedule.move_start(run, None, by=request.user),
    "move": _move,
    "retry": _retry,
    "undo": _by(undo.undo),
}


def _steered(request: PortalRequest, run: FilterRun, step: Callable[[], object]) -> HttpResponse:
    try:
        came = step()
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _to(run)
    return _to(came if isinstance(came, FilterRun) else run)


def _to(run: FilterRun) -> HttpResponse:
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)
