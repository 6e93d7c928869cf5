"""Policies: the list, one with its report and its steps, and the form."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.models import FilterPolicy
from syncapp.models.person import Role
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import disagreements
from syncapp.sync_filters.policies import editing as steps
from syncapp.sync_filters.policies.editing import BadPolicy
from syncapp.sync_filters.runs.freezing import MOST_USERS
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters import policy_form
from syncapp.web.filters.policy_form import Typed
from syncapp.web.filters.policy_presenter import PolicyShown, listed, names_of
from syncapp.web.filters.second_person import SecondPersons


def _page(request: PortalRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    frame = {"section": "filters", "around": PageContext(request.user), "tab": "policies"}
    frame["may_write"] = request.user.has_role(Role.FILTER_MANAGER)
    return render_page(request, f"filters/{template}.html", frame | context, status=status)


@allow(*FILTER_ROLES)
def policies(request: PortalRequest) -> HttpResponse:
    """All policies, with what each last found."""
    return _page(request, "policies", views=listed(request.user))


@allow(*FILTER_ROLES)
def policy(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """One policy: its report, its runs, its steps."""
    row = _policy(policy_id)
    view, second = PolicyShown(row, request.user, names_of([row])), SecondPersons(row, request.user)
    return _page(request, "policy", view=view, policy=row, second=second)


@allow(Role.FILTER_MANAGER)
def policy_new(request: PortalRequest) -> HttpResponse:
    """The form of a new policy."""
    return _form(request, policy_form.empty())


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_create(request: PortalRequest) -> HttpResponse:
    """Keep a new policy in shadow."""
    said = policy_form.typed(request.POST)
    try:
        wish = policy_form.wish(said)
        if "check" in request.POST:
            return _form(request, said, checked=policy_form.check(wish))
        row = steps.create(wish, by=request.user)
    except BadPolicy as problem:
        return _form(request, said, problem=problem, status=422)
    return _written(request, row, "Kept in shadow. It compares within seconds and switches nothing.")


@allow(Role.FILTER_MANAGER)
def policy_edit(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """The form of a policy."""
    row = _policy(policy_id)
    return _form(request, policy_form.of(row), policy=row)


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_change(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Write a policy anew; it begins again in shadow."""
    row, said = _policy(policy_id), policy_form.typed(request.POST)
    try:
        wish = policy_form.wish(said)
        if "check" in request.POST:
            return _form(request, said, policy=row, checked=policy_form.check(wish, policy=row))
        steps.change(row, wish, by=request.user)
    except BadPolicy as problem:
        return _form(request, said, policy=row, problem=problem, status=422)
    return _written(request, _policy(policy_id), "Saved. It is in shadow and compares within seconds.")


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_step(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Compare, repair, go back to shadow, pause, go on or remove, by the button that was pressed."""
    row, wanted = _policy(policy_id), request.POST.get("do", "")
    if wanted not in _STEPS:
        raise Http404
    step, said = _STEPS[wanted]
    try:
        step(row, request)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _to(row)
    if wanted == "remove":
        messages.success(request, said)
        return HttpResponseRedirect(reverse("policies"), status=303)
    return _back(request, row, said)


@allow(Role.FILTER_MANAGER, Role.ADMINISTRATOR, methods=("POST",))
def policy_confirm(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """The second person lets a large group be repaired."""
    row = _policy(policy_id)
    try:
        steps.confirm_repair(row, seen=parameters.moment(request.POST.get("seen", "")), by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _to(row)
    return _back(request, row, "Confirmed. It repairs from now on.")


def _decide(row: FilterPolicy, request: PortalRequest, *, for_policy: bool) -> None:
    users = request.POST.get("users", "")
    shown = int(users) if users.isascii() and users.isdigit() and len(users) < len(str(MOST_USERS)) + 1 else -1
    steps.decide(row, request.POST.get("opponent", ""), for_policy=for_policy, users=shown, by=request.user)


def _repair(row: FilterPolicy, request: PortalRequest) -> None:
    steps.ask_for_repair(row, seen=parameters.moment(request.POST.get("seen", "")), by=request.user)


_STEPS: Mapping[str, tuple[Callable[[FilterPolicy, PortalRequest], None], str]] = {
    "compare": (lambda row, request: steps.compare_now(row, by=request.user), "It compares within seconds."),
    "repair": (_repair, "Asked for. What it repairs is shown below, each as a run."),
    "ask": (lambda row, request: steps.ask_others(row, by=request.user), "Asked by mail."),
    "shadow": (lambda row, request: steps.back_to_shadow(row, by=request.user), "It only reports from now on."),
    "leave": (lambda row, request: _decide(row, request, for_policy=False), "This policy leaves these users alone."),
    "decide": (lambda row, request: _decide(row, request, for_policy=True), "This policy decides for these users."),
    "pause": (lambda row, request: steps.pause(row, by=request.user), "Paused."),
    "resume": (lambda row, request: steps.resume(row, by=request.user), "It goes on."),
    "remove": (lambda row, request: steps.remove(row, by=request.user), "Removed. What it switched stays."),
}


def _policy(policy_id: uuid.UUID) -> FilterPolicy:
    rows = FilterPolicy.objects.shown().select_related("author", "repair_by", "confirmed_by")
    found: FilterPolicy = get_object_or_404(rows, pk=policy_id)
    return found


def _form(request: PortalRequest, said: Typed, *, status: int = 200, **more: Any) -> HttpResponse:
    return _page(request, "policy_form", said=said, offered=policy_form.offered(), status=status, **more)


def _written(request: PortalRequest, row: FilterPolicy, said: str) -> HttpResponse:
    for other, users in disagreements.opposing_policies(row):
        words = f"Policy “{other.name}” keeps the opposite for {users} of its users."
        messages.warning(request, f"{words} Both leave them alone until a person decides on this page.")
    return _back(request, row, said)


def _back(request: PortalRequest, row: FilterPolicy, said: str) -> HttpResponse:
    messages.success(request, said)
    return _to(row)


def _to(row: FilterPolicy) -> HttpResponse:
    return HttpResponseRedirect(reverse("policy", args=[row.pk]), status=303)
