"""The matrix: who synchronizes what with Outlook; a cell opens the filters behind it; ticked users become a run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.mirror.filters import access, inventory
from syncapp.models import FilterUser
from syncapp.models.person import Role
from syncapp.models.sync_filters.tables import Cell, Group
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page, wants_part
from syncapp.web.filters import params
from syncapp.web.filters.matrix_presenter import Drawer, RowShown
from syncapp.web.filters.params import METHODS, Asked
from syncapp.web.filters.plan_form import TABLES

# Name, label, what is chosen, and what can be chosen.
Choice = tuple[str, str, str, list[tuple[str, str]]]
NO_ANSWER = "The CRM did not answer. The page shows what was read before."


@allow(*FILTER_ROLES)
def filters(request: PortalRequest) -> HttpResponse:
    """The matrix, with one user's cell open beside it where the address names one; htmx gets only that cell's side."""
    asked = params.read(request.GET)
    if wants_part(request):
        part = {"drawer": _drawer(asked), "part": True}
        return render_page(request, "filters/_drawer.html", _page_context(request, asked) | part)
    after = FilterUser.objects.filter(pk=asked.after).first() if asked.after else None
    page = matrix.page(asked.by, after=after)
    choices = choices_of(asked)
    context = _page_context(request, asked) | {
        "rows": [RowShown(user, asked) for user in page.users],
        "next_page": asked.query(after=page.users[-1].pk) if page.has_more else "",
        "found": matrix.count(asked.by),
        "drawer": _drawer(asked),
        "choices": choices,
        "given": list(_given(asked, choices)),
        "inventory": matrix.inventory(),
        "fed_by_entra": asked.by.team is not None and matrix.is_fed_by_entra(asked.by.team),
        "ground": access.ground(),
    }
    return render_page(request, "filters/matrix.html", context)


def _page_context(request: PortalRequest, asked: Asked) -> dict[str, Any]:
    return {
        "section": "filters",
        "around": PageContext(request.user),
        "asked": asked,
        "groups": list(Group),
        "tables": [(key, words) for key, (words, _) in TABLES.items()],
        "closed": asked.query(after=asked.after),
        "may_switch": request.user.has_role(Role.FILTER_MANAGER),
    }


def choices_of(asked: Asked) -> list[Choice]:
    """Name, label, what is chosen, and what can be, of each control that narrows."""
    by = asked.parameters
    teams = [(str(team.pk), team.name) for team in matrix.teams()]
    return [
        ("team", "Team", by.get("team", ""), teams),
        ("state", "Appointments", by.get("state", ""), list(Cell.choices)),
        ("mailbox", "Mailbox", by.get("mailbox", ""), list(METHODS.items())),
        ("risk", "Appointments reach Outlook", by.get("risk", ""), list(SyncPaths.choices)),
        ("cause", "Because of", by.get("cause", ""), list(Cause.choices)),
        ("unit", "Business unit", by.get("unit", ""), [(str(unit.pk), unit.name) for unit in matrix.units()]),
        ("list", "Saved list", by.get("list", ""), [(str(each.pk), each.name) for each in matrix.user_lists()]),
    ]


def _given(asked: Asked, choices: Sequence[Choice]) -> Iterator[tuple[str, str, str]]:
    """Label, word and the address without it, of each filter in use."""
    for name, label, chosen, options in choices:
        if chosen:
            yield label, dict(options).get(chosen, "unknown"), asked.without(name)


def _drawer(asked: Asked) -> Drawer | None:
    user = FilterUser.objects.people().filter(pk=asked.user).first() if asked.user else None
    return Drawer(user, asked.group) if user else None


@allow(*FILTER_ROLES, methods=("POST",))
def read_user(request: PortalRequest, user_id: uuid.UUID) -> HttpResponse:
    """Read one user again, because somebody wants to be sure."""
    user = get_object_or_404(FilterUser, pk=user_id)
    try:
        if breakers.all_closed(breakers.CONNECTION_BREAKERS):
            inventory.refresh(clients.crm(), [user.pk])
        else:
            messages.error(request, NO_ANSWER)
    except CrmError:
        messages.error(request, NO_ANSWER)
    if "explained" in request.POST:
        return HttpResponseRedirect(reverse("filter_user", args=[user.pk]), status=303)
    asked = params.read(request.GET)
    query = asked.query(user=user.pk, group=asked.group.value, after=asked.after)
    return HttpResponseRedirect(reverse("filters") + query, status=303)
