"""The pages for put-back plans: the form with the last plans, and one plan with its results."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from syncapp.capture import columns as tracked
from syncapp.capture.put_back import planning, transitions
from syncapp.capture.put_back.errors import NotPossible
from syncapp.connection import clients
from syncapp.models import Person, PutBackPlan
from syncapp.models.capture.put_back import PutBackResult
from syncapp.models.person import Role
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import wants_part
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page
from syncapp.web.settings.put_back_form import PutBackForm
from syncapp.web.settings.put_back_presenter import PutBackPresenter

SECTION, PAGE = "settings_capture", "settings_put_back_plan"
MAX_PLANS = 20


@allow(Role.ADMINISTRATOR)
def settings_put_back(request: PortalRequest) -> HttpResponse:
    """Show the form for a plan, and the latest plans."""
    return _form_page(request, PutBackForm(labels=_labels()))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_put_back_create(request: PortalRequest) -> HttpResponse:
    """Create a plan for what was restored in a time range, and have its live values read."""
    form = PutBackForm(request.POST, labels=_labels())
    if form.is_valid():
        try:
            plan = planning.create_plan(form.selected_range, by=request.user)
        except NotPossible as error:
            form.refuse("", str(error))
        else:
            return redirect_with_success(request, PAGE, "Planned. Nothing has been changed yet.", plan.pk)
    return _form_page(request, form, status=422)


@allow(Role.ADMINISTRATOR)
def settings_put_back_plan(request: PortalRequest, plan_id: uuid.UUID) -> HttpResponse:
    """Show a plan: its preview, or its progress and results."""
    plan = get_object_or_404(PutBackPlan.objects.select_related("created_by", "started_by"), pk=plan_id)
    after = parameters.whole_number(request.GET.get("after", ""))
    view = PutBackPresenter(plan, part=request.GET.get("part", ""), after=after)
    template = "_put_back_plan" if wants_part(request) else "put_back_plan"
    return render_settings_page(request, template, section=SECTION, plan=plan, view=view)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_put_back_step(request: PortalRequest, plan_id: uuid.UUID) -> HttpResponse:
    """Start, stop, discard or retry a plan."""
    plan, action = get_object_or_404(PutBackPlan, pk=plan_id), request.POST.get("do", "")
    if action not in _ACTIONS:
        raise Http404
    operation, message = _ACTIONS[action]
    try:
        operation(plan.pk, by=request.user)
    except NotPossible as error:
        return redirect_with_error(request, PAGE, str(error), plan.pk)
    return redirect_with_success(request, PAGE, message, plan.pk)


def _prepare_again(plan_id: uuid.UUID, *, by: Person) -> None:
    planning.retry_preparation(plan_id)


_ACTIONS: dict[str, tuple[Callable[..., None], str]] = {
    "start": (transitions.start, "Started."),
    "stop": (transitions.stop, "Stopped. Contacts that a worker has begun are finished."),
    "discard": (transitions.discard, "Discarded. Nothing was changed."),
    "retry": (transitions.retry, "Started again."),
    "again": (_prepare_again, "The preview is being prepared again."),
}


def _labels() -> dict[str, str]:
    return {name: column.label for name, column in tracked.tracked(clients.names().contact_revision).items()}


def _form_page(request: PortalRequest, form: PutBackForm, *, status: int = 200) -> HttpResponse:
    def count_of(result: PutBackResult) -> Count:
        return Count("items", filter=Q(items__result=result))

    plans = PutBackPlan.objects.select_related("created_by").annotate(
        open=count_of(PutBackResult.OPEN),
        done=count_of(PutBackResult.DONE),
        left=count_of(PutBackResult.LEFT),
        failed=count_of(PutBackResult.FAILED),
    )
    context: dict[str, Any] = {"form": form, "plans": plans.order_by("-created_at")[:MAX_PLANS]}
    return render_settings_page(request, "put_back", section=SECTION, status=status, **context)
