"""One user, explained: what of his reaches Outlook and why, what would leave, what happened, and the way back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.models import FilterRow, FilterRunItem, FilterUser
from syncapp.models.person import Role
from syncapp.models.sync_filters.tables import Group, group_of
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import forecasts
from syncapp.sync_filters.runs import undo
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters import matrix, plan
from syncapp.web.filters.user_presenter import UserShown

_WAIT = 12.0


@allow(*FILTER_ROLES)
def filter_user(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """The page."""
    user = get_object_or_404(FilterUser.objects.people(), pk=user_id)
    context = {"section": "filters", "around": PageContext(request.user), "view": UserShown(user, request.user)}
    return render_page(request, "filters/user.html", context)


@allow(*FILTER_ROLES, methods=("POST",))
def forecast(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """Ask the CRM what would leave; it reads only."""
    user = get_object_or_404(FilterUser.objects.people(), pk=user_id)
    thought_away = _filters(user, request.POST.get("off", ""))
    try:
        if breakers.all_closed(breakers.CONNECTION_BREAKERS):
            forecasts.ask(user, thought_away, crm=clients.crm(), by=request.user, deadline=Deadline.after(_WAIT))
        else:
            messages.error(request, matrix.NO_ANSWER)
    except NotPossible as problem:
        messages.error(request, str(problem))
    except CrmError:
        messages.error(request, matrix.NO_ANSWER)
    return _to(user, "#forecast")


def _filters(user: FilterUser, chosen: str) -> set[uuid.UUID]:
    rows = FilterRow.objects.for_outlook().filter(owner_id=user.pk)
    return {row.pk for row in rows.defer("fetch_xml") if chosen in (str(row.pk), Group(group_of(row.table)).value)}


@allow(Role.FILTER_MANAGER, methods=("POST",))
def restore(request: PortalRequest, user_id: uuid.UUID, item_id: int) -> HttpResponse:
    """Freeze a run that puts back what an earlier one found for this user."""
    item = get_object_or_404(FilterRunItem.objects.select_related("run", "user"), pk=item_id, user_id=user_id)
    try:
        run = undo.restore(item, by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _to(item.user)
    plan.count_a_few(run)
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)


def _to(user: FilterUser, part: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("filter_user", args=[user.pk]) + part, status=303)
