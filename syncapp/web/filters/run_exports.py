"""A run as files and on paper: every user's result, the users confirmed off, and one page for the record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import groupby

from django.db.models import F
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.sync_filters.runs import report, titles
from syncapp.text import escaping
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters.run_item_presenter import ItemPresenter
from syncapp.web.filters.run_presenter import RunPresenter

MAX_ON_PAPER = 500  # users not in the desired state; the CSV has all of them
_HEADERS = ("User", "Address", "Login", "Business unit", "Plan", "Result", "Why", "Found", "Meetings", "Attendees")
_TIMES = ("Next meeting", "Ended")


@allow(*FILTER_ROLES)
def run_csv(request: PortalRequest, run_id: uuid.UUID) -> HttpResponseBase:
    """Stream every user of the run as a table."""
    run = get_object_or_404(FilterRun, pk=run_id)
    # Rows are produced after the view returns, when the middleware's time zone no longer applies.
    zone, word_of = timezone.get_current_timezone(), {0: "on", 1: "off"}.get

    def rows() -> Iterator[tuple[object, ...]]:
        for item in report.iterate_items(run):
            user, unknown = item.user, "unknown" if item.plan == Plan.HELD else ""
            if item.mailbox_id is not None:
                change = f"{titles.method_word(item.found_method)} → {titles.method_word(item.wanted_method)}"
            else:  # the state found and the state wanted for each filter: "Mine: on → off"
                change = "; ".join(
                    f"{each.name}: {word_of(each.found_state, each.found_state)} → {word_of(each.wanted_state, '?')}"
                    for each in item.changes.all()
                )
            yield (
                *(user.name, user.address, user.login, user.unit_name),
                *(item.get_plan_display(), item.get_outcome_display(), item.why),
                change,
                unknown if item.meetings is None else item.meetings,
                item.attendees,
                *(
                    f"{timezone.localtime(moment, zone):%Y-%m-%d %H:%M:%S}" if moment else ""
                    for moment in (item.next_meeting_at, item.finished_at)
                ),
            )

    return csv_files.download(
        request, f"run-{run.number}", (*_HEADERS, *(f"{header} ({zone})" for header in _TIMES)), rows()
    )


@allow(*FILTER_ROLES)
def run_verified(request: PortalRequest, run_id: uuid.UUID, form: str) -> HttpResponseBase:
    """Export the users who are confirmed off, for another product to take over: an address per line, or a table."""
    run = get_object_or_404(FilterRun, pk=run_id)
    users = report.verified_users(run)
    if form == "csv":
        headers = ("Address", "Login", "User", "Read")
        rows = (
            (user.address, user.login, user.name, read_at.isoformat(timespec="seconds") if read_at else "")
            for user in users.iterator()
            for read_at in [user.mailbox_read_at if run.sets_mailbox_method else user.filters_read_at]
        )
        return csv_files.download(request, f"run-{run.number}-off", headers, rows)
    lines = "".join(f"{escaping.one_line(user.address or user.login)}\r\n" for user in users.iterator())
    response = HttpResponse(lines, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run.number}-off.txt"'
    return response


@allow(*FILTER_ROLES)
def run_paper(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """Show one page about the run, to print for the change record."""
    run = get_object_or_404(FilterRun.objects.select_related("person", "confirmed_by", "undoes", "retries"), pk=run_id)
    rest = run.items.exclude(outcome__in=[Outcome.DONE, Outcome.ALREADY, Outcome.OPEN]).select_related("user")
    order = ("outcome", F("next_meeting_at").asc(nulls_last=True), "position")
    deviating = rest.prefetch_related("meetings_at_risk").order_by(*order)[:MAX_ON_PAPER]
    rows = [ItemPresenter(item, run.wanted_on, timezone.now()) for item in deviating]
    by_outcome = [list(part) for _, part in groupby(rows, key=lambda row: row.outcome_label)]
    context = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "view": RunPresenter(run, request.user),
        "run": run,
        "deviating": [(part[0].outcome_label, part) for part in by_outcome],
        "requested_at": timezone.now(),
    }
    return render_page(request, "filters/run_paper.html", context)
