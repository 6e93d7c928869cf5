"""System filters, filter templates and filters owned by teams: they apply to all users and are not switched here."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters import access
from syncapp.models import FilterRow, FilterTeam, SystemFilter
from syncapp.models.sync_filters.tables import table_label
from syncapp.sync_filters.inventory import matrix
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page


@dataclass(frozen=True, slots=True)
class FilterPresenter:
    """A filter with the label of its table, and the team that owns it."""

    row: SystemFilter | FilterRow
    owner: str = ""

    @property
    def table(self) -> str:
        return table_label(self.row.table)


@allow(*FILTER_ROLES)
def system_filters(request: PortalRequest) -> HttpResponse:
    """Show each kind of filter in its own table."""
    rows = matrix.all_system_filters()
    owned = matrix.team_filters()
    teams = dict(FilterTeam.objects.filter(pk__in=[row.owner_id for row in owned]).values_list("pk", "name"))
    context = {
        "section": "filters",
        "tab": "everybody",
        "page_context": PageContext(request.user),
        "system": [FilterPresenter(row) for row in rows if not row.is_template],
        "templates": [FilterPresenter(row) for row in rows if row.query_type == QueryType.OUTLOOK_TEMPLATE],
        "offline": [FilterPresenter(row) for row in rows if row.query_type == QueryType.OFFLINE_TEMPLATE],
        "team_filters": [FilterPresenter(row, teams.get(row.owner_id, "a team")) for row in owned],
        "inventory": matrix.inventory_cursor(),
        "access": access.capabilities(),
    }
    return render_page(request, "filters/system_filters.html", context)
