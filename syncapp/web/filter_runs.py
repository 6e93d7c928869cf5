"""Runs: the list, the frozen preview, progress and result, and the buttons that steer one."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.filters import meetings, run_states, undo
from syncapp.filters.errors import NotPossible
from syncapp.models import FilterRun
from syncapp.models.person import Role
from syncapp.web.access import PortalRequest, allow
from syncapp.web.filter_shown import RunShown
from syncapp.web.page import FILTER_ROLES, Surroundings, answer, wants_part

MOST_RUNS = 100


@allow(*FILTER_ROLES)
def filter_runs(request: PortalRequest) -> HttpResponse:
    """The newest runs."""
    runs = FilterRun.objects.select_related("person").order_by("-frozen_at")[:MOST_RUNS]
    shown = [RunShown(run, request.user) for run in runs]
    context = {"section": "filters", "around": Surroundings(request.user), "runs": shown}
    context["may_plan"] = request.user.has_role(Role.FILTER_MANAGER)
    return answer(request, "filters/filter_runs.html", context)


@allow(*FILTER_ROLES)
def filter_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """One run: what will happen, or what happened so far."""
    run = get_object_or_404(FilterRun.objects.select_related("person", "confirmed_by", "undoes"), pk=run_id)
    view = RunShown(run, request.user, part=request.GET.get("part", ""))
    context = {"section": "filters", "around": Surroundings(request.user), "view": view, "run": run}
    template = "filters/_run.html" if wants_part(request) else "filters/filter_run.html"
    return answer(request, template, context)


@allow(Role.FILTER_MANAGER, Role.ADMINISTRATOR, methods=("POST",))
def confirm_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """A second person agrees to this frozen list."""
    run = get_object_or_404(FilterRun, pk=run_id)
    return _steered(request, run, lambda: run_states.confirm(run, by=request.user))


@allow(Role.FILTER_MANAGER, methods=("POST",))
def steer_run(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Start, pause, resume, cancel or undo it, by the button that was pressed."""
    run = get_object_or_404(FilterRun, pk=run_id)
    step = _STEPS.get(request.POST.get("do", ""))
    if step is None:
        messages.error(request, "The form came without a step. Nothing was changed.")
        return _to(run)
    return _steered(request, run, lambda: step(request, run))


def _start(request: PortalRequest, run: FilterRun) -> None:
    ticked = [int(key) for key in request.POST.getlist("held") if key.isascii() and key.isdigit()]
    run.reason = request.POST.get("reason", "").strip()[:500]
    run.save(update_fields=["reason"])
    if ticked:
        meetings.release(run, ticked, by=request.user)
    run_states.start(run, by=request.user)


def _by(step: Callable[..., object]) -> Callable[[PortalRequest, FilterRun], object]:
    return lambda request, run: step(run, by=request.user)


_STEPS: dict[str, Callable[[PortalRequest, FilterRun], object]] = {
    "start": _start,
    "pause": _by(run_states.pause),
    "resume": _by(run_states.resume),
    "cancel": _by(run_states.cancel),
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
