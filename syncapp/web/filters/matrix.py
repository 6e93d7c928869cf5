"""The matrix of users and filters: a cell opens the filters behind it, and ticked users become a run."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.accounts import saved_views
from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.mirror.filters import access, inventory
from syncapp.models import Breaker, FilterUser, FilterView
from syncapp.models.person import Role
from syncapp.models.sync_filters.tables import Group
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix_order import Column
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page, wants_part
from syncapp.web.filters.matrix_form import ORDER_CHOICES, MatrixParams
from syncapp.web.filters.matrix_presenter import DrawerPresenter, HeaderPresenter, RowPresenter
from syncapp.web.filters.plan_form import TABLES

NO_ANSWER = "The CRM did not answer. The page shows the last values read; try again in a minute."
REFUSED = "The CRM refused the read request. The page shows the last values read; tell an administrator."


@allow(*FILTER_ROLES)
def filters(request: PortalRequest) -> HttpResponse:
    """Show the matrix; the cell that the URL names is open beside it. htmx gets only the cell's drawer."""
    return matrix_page(request, MatrixParams.read(request.GET))


def matrix_page(request: PortalRequest, params: MatrixParams, *, status: int = 200, **more: Any) -> HttpResponse:
    """Render the matrix, or its drawer for htmx."""
    user = FilterUser.objects.people().filter(pk=params.user).first() if params.user else None
    context: dict[str, Any] = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "params": params,
        "groups": list(Group),
        "tables": [(key, words) for key, (words, _) in TABLES.items()],
        "closed": params.query(**params.page_start),
        "may_switch": request.user.has_role(Role.FILTER_MANAGER),
        "drawer": DrawerPresenter(user, params.group) if user else None,
    }
    if wants_part(request):
        return render_page(request, "filters/_drawer.html", context | {"part": True})
    page = matrix.page(params.criteria, order=params.order, after=params.position)
    options = params.filter_options()
    context |= {
        "rows": [RowPresenter(each, params) for each in page.users],
        "headers": [HeaderPresenter(column, params) for column in Column],
        "orders": ORDER_CHOICES,
        "next_page": params.page_query(page.last) if page.has_more else "",
        "found": matrix.count(params.criteria),
        "choices": options,
        "active_filters": [(option, params.query_without(option.name)) for option in options if option.chosen],
        "saved_views": saved_views.list_for(FilterView, request.user),
        "inventory": matrix.inventory_cursor(),
        "managed_by_entra": params.criteria.team is not None and matrix.is_managed_by_entra(params.criteria.team),
        "access": access.capabilities(),
    }
    return render_page(request, "filters/matrix.html", context | more, status=status)


def record_read_failure(error: CrmError) -> str:
    """Return the message for a failed read of the CRM; after a refusal, also open the breaker for such reads."""
    if not error.is_refusal:
        return NO_ANSWER
    breakers.record_failure(
        error, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS, refused_breaker=Breaker.Name.REFUSED_INVENTORY
    )
    return REFUSED


@allow(*FILTER_ROLES, methods=("POST",))
def read_user(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """Read one user again from the CRM."""
    user = get_object_or_404(FilterUser, pk=user_id)
    try:
        if breakers.all_closed(breakers.CONNECTION_BREAKERS):
            inventory.refresh(clients.crm(), [user.pk])
        else:
            messages.error(request, NO_ANSWER)
    except CrmError as error:
        messages.error(request, record_read_failure(error))
    if "explained" in request.POST:
        return HttpResponseRedirect(reverse("filter_user", args=[user.pk]), status=303)
    params = MatrixParams.read(request.GET)
    query = params.query(user=user.pk, group=params.group.value, **params.page_start)
    return HttpResponseRedirect(reverse("filters") + query, status=303)
