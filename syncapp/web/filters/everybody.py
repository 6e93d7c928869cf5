"""What applies to everybody and is switched by nobody here: system filters, templates, filters that a team owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters import access
from syncapp.models import FilterTeam
from syncapp.models.sync_filters.tables import name_of
from syncapp.sync_filters.inventory import matrix
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page


@dataclass(frozen=True, slots=True)
class FilterShown:
    """One of them, with the words for its table, and whose it is."""

    row: Any
    table: str
    owner: str = ""
    is_offline: bool = False


@allow(*FILTER_ROLES)
def everybody(request: PortalRequest) -> HttpResponse:
    """Three tables, each with what it means."""
    system, templates, offline = _sorted()
    context = {
        "section": "filters",
        "tab": "everybody",
        "around": PageContext(request.user),
        "system": system,
        "templates": templates,
        "offline": offline,
        "of_teams": _of_teams(),
        "inventory": matrix.inventory(),
        "ground": access.ground(),
    }
    return render_page(request, "filters/everybody.html", context)


def _sorted() -> tuple[list[FilterShown], list[FilterShown], list[FilterShown]]:
    rows = [FilterShown(row, name_of(row.table)) for row in matrix.for_everybody()]
    system = [each for each in rows if not each.row.is_template]
    templates = [each for each in rows if each.row.query_type == QueryType.OUTLOOK_TEMPLATE]
    offline = [each for each in rows if each.row.query_type == QueryType.OFFLINE_TEMPLATE]
    return system, templates, offline


def _of_teams() -> list[FilterShown]:
    rows = matrix.of_teams()
    names = dict(FilterTeam.objects.filter(pk__in=[row.owner_id for row in rows]).values_list("pk", "name"))
    return [FilterShown(row, name_of(row.table), names.get(row.owner_id, "a team")) for row in rows]
