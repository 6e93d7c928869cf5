"""A run on paper and in files: every user's result, whom a reading proves to be off, and one page for the record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import groupby

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from syncapp.models import FilterRun, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.sync_filters.runs import results, titles
from syncapp.text import escaping
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters.run_presenter import RunShown

# Of those who are not as wanted, so many stand on the paper; all of them are in the CSV.
MOST_ON_PAPER = 500
_HEADS = ("User", "Address", "Login", "Business unit", "Plan", "Result", "Why", "Found", "Meetings", "Attendees")


@allow(*FILTER_ROLES)
def run_csv(request: PortalRequest, run_id: uuid.UUID) -> HttpResponseBase:
    """Every user of the run as a table, sent while it is read."""
    run = get_object_or_404(FilterRun, pk=run_id)
    zone = timezone.get_current_timezone()
    heads = (*_HEADS, f"Ended ({zone})")

    def rows() -> Iterator[tuple[object, ...]]:
        # What the middleware sets ends with the view, the rows are made afterwards.
        for item in results.lines(run):
            ended = timezone.localtime(item.finished_at, zone) if item.finished_at else None
            yield (*_cells(item), f"{ended:%Y-%m-%d %H:%M:%S}" if ended else "")

    return csv_files.download(request, f"run-{run.number}", heads, rows())


def _cells(item: FilterRunItem) -> tuple[object, ...]:
    user = item.user
    counted = ("unknown" if item.plan == Plan.HELD else "") if item.meetings is None else item.meetings
    return (
        user.name,
        user.address,
        user.login,
        user.unit_name,
        item.get_plan_display(),
        item.get_outcome_display(),
        item.why,
        _found(item),
        counted,
        item.attendees,
    )


def _found(item: FilterRunItem) -> str:
    """What the run found and would change."""
    if item.mailbox_id is not None:
        return f"{titles.method_word(item.found_method)} → {titles.method_word(item.wanted_method)}"
    words = {0: "on", 1: "off"}
    return "; ".join(
        f"{change.name}: {words.get(change.found_state, change.found_state)} → {words.get(change.wanted_state, '?')}"
        for change in item.changes.all()
    )


@allow(*FILTER_ROLES)
def run_verified(request: PortalRequest, run_id: uuid.UUID, form: str) -> HttpResponseBase:
    """The addresses of all whom a reading proves to be off, for the other product: one a line, or as a table."""
    run = get_object_or_404(FilterRun, pk=run_id)
    users = results.verified(run)
    if form == "csv":
        return csv_files.download(
            request, f"run-{run.number}-off", ("Address", "Login", "User", "Read"), _proved(run, users.iterator())
        )
    lines = "".join(f"{escaping.one_line(user.address or user.login)}\r\n" for user in users.iterator())
    response = HttpResponse(lines, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run.number}-off.txt"'
    return response


def _proved(run: FilterRun, users: Iterator[FilterUser]) -> Iterator[tuple[object, ...]]:
    for user in users:
        read_at = user.mailbox_read_at if run.moves_mailboxes else user.filters_read_at
        yield user.address, user.login, user.name, read_at.isoformat(timespec="seconds") if read_at else ""


@allow(*FILTER_ROLES)
def run_paper(request: PortalRequest, run_id: uuid.UUID) -> HttpResponse:
    """One page of the run for the change record, to be printed."""
    run = get_object_or_404(FilterRun.objects.select_related("person", "confirmed_by", "undoes", "retries"), pk=run_id)
    rest = run.items.exclude(outcome__in=[Outcome.DONE, Outcome.ALREADY, Outcome.OPEN]).select_related("user")
    left = list(rest.prefetch_related("meetings_at_risk").order_by("outcome", "position")[:MOST_ON_PAPER])
    context = {
        "section": "filters",
        "around": PageContext(request.user),
        "view": RunShown(run, request.user),
        "run": run,
        "left": [(items[0].get_outcome_display(), items) for items in _by_outcome(left)],
        "asked_at": timezone.now(),
    }
    return render_page(request, "filters/run_paper.html", context)


def _by_outcome(items: list[FilterRunItem]) -> list[list[FilterRunItem]]:
    return [list(part) for _, part in groupby(items, key=lambda item: item.outcome)]
