"""Policies: the list, one policy with its report and its buttons, and the form."""

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
from syncapp.sync_filters.policies import conflicts, editing
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters.policy_form import PolicyForm
from syncapp.web.filters.policy_presenter import PolicyPresenter, list_policies, names_of_groups
from syncapp.web.filters.second_person_presenter import SecondPersonPresenter


def _page(request: PortalRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    frame = {"section": "filters", "page_context": PageContext(request.user), "tab": "policies"}
    frame["may_write"] = request.user.has_role(Role.FILTER_MANAGER)
    return render_page(request, f"filters/{template}.html", frame | context, status=status)


@allow(*FILTER_ROLES)
def policies(request: PortalRequest) -> HttpResponse:
    """List all policies with their last comparison."""
    return _page(request, "policies", views=list_policies(request.user))


@allow(*FILTER_ROLES)
def policy(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Show one policy with its report, its runs and its buttons."""
    row = _get_policy(policy_id)
    view = PolicyPresenter(row, request.user, names_of_groups([row]))
    return _page(request, "policy", view=view, policy=row, second=SecondPersonPresenter(row, request.user))


@allow(Role.FILTER_MANAGER)
def policy_new(request: PortalRequest) -> HttpResponse:
    """Show the form of a new policy."""
    return _page(request, "policy_form", form=PolicyForm.empty())


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_create(request: PortalRequest) -> HttpResponse:
    """Create a policy in shadow mode, or only check its group."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, "policy_form", form=form, status=422)
    if "check" in request.POST:
        return _page(request, "policy_form", form=form, checked=form.check_group())
    row = editing.create(form.spec, by=request.user)
    return _redirect_after_save(
        request, row, "Created in shadow mode. It compares within seconds but switches nothing."
    )


@allow(Role.FILTER_MANAGER)
def policy_edit(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Show the form of a policy."""
    row = _get_policy(policy_id)
    return _page(request, "policy_form", form=PolicyForm.from_policy(row), policy=row)


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_change(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Change a policy, which returns to shadow mode, or only check its group."""
    row, form = _get_policy(policy_id), PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, "policy_form", form=form, policy=row, status=422)
    if "check" in request.POST:
        return _page(request, "policy_form", form=form, policy=row, checked=form.check_group(row))
    editing.change(row, form.spec, by=request.user)
    return _redirect_after_save(
        request, _get_policy(policy_id), "Saved. It is back in shadow mode and compares within seconds."
    )


@allow(Role.FILTER_MANAGER, methods=("POST",))
def policy_step(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Compare, repair, return to shadow mode, pause, resume or remove, depending on the button."""
    row, do = _get_policy(policy_id), request.POST.get("do", "")
    if do not in _ACTIONS:
        raise Http404
    action, done = _ACTIONS[do]
    try:
        action(row, request)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _redirect_to_policy(row)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("policies"), status=303) if do == "remove" else _redirect_to_policy(row)


@allow(Role.FILTER_MANAGER, Role.ADMINISTRATOR, methods=("POST",))
def policy_confirm(request: PortalRequest, policy_id: uuid.UUID) -> HttpResponse:
    """Confirm repairs of a large group as the second person."""
    row = _get_policy(policy_id)
    try:
        editing.confirm_repair(row, seen=parameters.moment(request.POST.get("seen", "")), by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Confirmed. The policy repairs from now on.")
    return _redirect_to_policy(row)


def _resolve(row: FilterPolicy, request: PortalRequest, *, for_policy: bool) -> None:
    source, users = request.POST.get("source", ""), parameters.whole_number(request.POST.get("users", ""))
    editing.resolve_conflict(row, source, for_policy=for_policy, users=users, by=request.user)


_Action = Callable[[FilterPolicy, PortalRequest], None]
# What each button does, and what the page says afterwards.
_ACTIONS: Mapping[str, tuple[_Action, str]] = {
    "compare": (lambda row, request: editing.compare_now(row, by=request.user), "The comparison begins in seconds."),
    "repair": (
        lambda row, request: editing.request_repair(
            row, seen=parameters.moment(request.POST.get("seen", "")), by=request.user
        ),
        "Repair requested. Each repair is listed below as a run.",
    ),
    "ask": (lambda row, request: editing.ask_others(row, by=request.user), "Asked by mail."),
    "shadow": (
        lambda row, request: editing.return_to_shadow(row, by=request.user),
        "Back in shadow mode: it only reports from now on.",
    ),
    "leave": (lambda row, request: _resolve(row, request, for_policy=False), "This policy skips these users."),
    "decide": (lambda row, request: _resolve(row, request, for_policy=True), "This policy decides for these users."),
    "pause": (lambda row, request: editing.pause(row, by=request.user), "Paused."),
    "resume": (lambda row, request: editing.resume(row, by=request.user), "Resumed."),
    "remove": (lambda row, request: editing.remove(row, by=request.user), "Removed. No filters were changed."),
}


def _get_policy(policy_id: uuid.UUID) -> FilterPolicy:
    rows = FilterPolicy.objects.current().select_related("author", "repair_by", "confirmed_by")
    found: FilterPolicy = get_object_or_404(rows, pk=policy_id)
    return found


def _redirect_after_save(request: PortalRequest, row: FilterPolicy, done: str) -> HttpResponse:
    """Redirect to the policy, and show what was saved and a warning for each policy that conflicts with it."""
    for other, users in conflicts.conflicting_policies(row):
        conflict = f"Policy “{other.name}” keeps {users} of its users in the opposite state."
        messages.warning(request, f"{conflict} Both skip them until a person decides on this page.")
    messages.success(request, done)
    return _redirect_to_policy(row)


def _redirect_to_policy(row: FilterPolicy) -> HttpResponse:
    return HttpResponseRedirect(reverse("policy", args=[row.pk]), status=303)
