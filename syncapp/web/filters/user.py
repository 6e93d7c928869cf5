"""The page of one user: their sync paths and filters, forecasts, and restoring the states that a run found."""

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
from syncapp.models.sync_filters.tables import group_of
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import forecasts
from syncapp.sync_filters.runs import undo
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters import matrix, plan
from syncapp.web.filters.user_presenter import UserPresenter

_MAX_SECONDS = 12.0


@allow(*FILTER_ROLES)
def filter_user(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """Show the page of one user."""
    user = get_object_or_404(FilterUser.objects.people(), pk=user_id)
    context = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "view": UserPresenter(user, request.user),
    }
    return render_page(request, "filters/user.html", context)


@allow(*FILTER_ROLES, methods=("POST",))
def forecast(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """Ask the CRM what would leave Outlook if some filters were switched off; nothing is changed."""
    user = get_object_or_404(FilterUser.objects.people(), pk=user_id)
    off, rows = request.POST.get("off", ""), FilterRow.objects.for_outlook().filter(owner_id=user.pk)
    assumed_off = {row.pk for row in rows.defer("fetch_xml") if off in (str(row.pk), group_of(row.table).value)}
    try:
        if breakers.all_closed(breakers.CONNECTION_BREAKERS):
            forecasts.create_forecast(
                user, assumed_off, crm=clients.crm(), by=request.user, deadline=Deadline.after(_MAX_SECONDS)
            )
        else:
            messages.error(request, matrix.NO_ANSWER)
    except NotPossible as problem:
        messages.error(request, str(problem))
    except CrmError as error:
        messages.error(request, matrix.REFUSED if error.is_refusal else matrix.NO_ANSWER)
    return _redirect_to_user(user, "#forecast")


@allow(Role.FILTER_MANAGER, methods=("POST",))
def restore(request: PortalRequest, user_id: uuid.UUID, item_id: int) -> HttpResponse:
    """Plan a run that restores the states that an earlier run found for this user."""
    item = get_object_or_404(FilterRunItem.objects.select_related("run", "user"), pk=item_id, user_id=user_id)
    try:
        run = undo.restore(item, by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _redirect_to_user(item.user)
    plan.count_meetings_of_short_run(run)
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)


def _redirect_to_user(user: FilterUser, part: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("filter_user", args=[user.pk]) + part, status=303)
