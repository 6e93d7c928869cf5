"""The numbers page: weekly charts of received, decided, waiting and failed edits, and their CSV exports."""

from __future__ import annotations

from django.http import Http404, HttpResponse, StreamingHttpResponse

from syncapp.web.activity.numbers_presenter import NumbersView, panel
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page


@allow(*REVIEW_ROLES)
def numbers(request: PortalRequest) -> HttpResponse:
    """Show all panels for the selected number of weeks."""
    view = NumbersView(request.GET.get("weeks", ""))
    return render_page(request, "activity/numbers/page.html", {"section": "numbers", "view": view})


@allow(*REVIEW_ROLES)
def numbers_csv(request: PortalRequest, name: str) -> StreamingHttpResponse:
    """Export the table of one panel."""
    found = panel(NumbersView(request.GET.get("weeks", "")), name)
    if found is None:
        raise Http404
    return csv_files.download(request, f"numbers-{name}", found.headers, found.cells)
