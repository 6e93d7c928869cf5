"""Planning of runs: the form for users and desired state, and buttons that create a run directly from the matrix."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone

from syncapp.connection import clients
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.models import FilterRun, FilterUser, MirrorCursor
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.runs import creation, meetings
from syncapp.text.localization import number
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import PageContext, render_page
from syncapp.web.filters.matrix_form import MatrixParams
from syncapp.web.filters.plan_form import TABLES, PlanForm, ticked_ids

_MAX_SHORT_RUN = 50  # users whose meetings are counted before the preview opens
_MAX_SECONDS = 8.0
_MAX_NAMED = 6
_SWITCHES = (
    ("off", "Filters off", "The items they select are no longer synchronized to Outlook."),
    ("on", "Filters on", "The items they select are synchronized to Outlook again."),
)
_MAILBOXES = (
    (
        "method-2",
        "Method None",
        "Appointments, contacts and tasks all stop synchronizing; nothing is deleted from the mailbox.",
    ),
    ("method-1", "Method Server-side", "The CRM itself synchronizes appointments, contacts and tasks."),
    ("method-0", "Method Outlook", "Only the Outlook add-in on a PC synchronizes them."),
)
_RESULTS = (("Users’ own filters", _SWITCHES), ("Synchronization method", _MAILBOXES))


@allow(Role.FILTER_MANAGER, methods=("GET", "POST"))
def plan_run(request: PortalRequest) -> HttpResponse:
    """Show the form of a new run; a valid one creates the run and shows its preview."""
    if request.method != "POST" or "freeze" not in request.POST:
        return _page(request, PlanForm.prefilled(request.GET, request.POST))
    form = PlanForm(request.POST, request.FILES)
    if not form.is_valid() or form.targets is None:
        return _page(request, form, status=422)
    try:
        run = creation.create_run(form.targets.ids, form.spec, by=request.user)
    except NotPossible as problem:
        form.add_error("source", str(problem))
        return _page(request, form, status=422)
    for note in form.targets.notes:
        messages.info(request, note)
    return _redirect_to_preview(run)


def _page(request: PortalRequest, form: PlanForm, *, status: int = 200) -> HttpResponse:
    ids = form.ticked_ids()
    users = FilterUser.objects.people().filter(pk__in=ids[:_MAX_NAMED]).order_by("name_key")
    ticked = ", ".join(user.name for user in users)
    ticked += f" and {len(ids) - _MAX_NAMED} more" if len(ids) > _MAX_NAMED else ""
    # How many users the matrix listed, and by which search and filters.
    params, listed = MatrixParams.read(QueryDict(form["shown"].value() or "")), ""
    if form["source"].value() == "shown" or params.parameters:
        found = matrix.count(params.criteria)
        count = f"{number(matrix.MAX_COUNTED)}+" if found > matrix.MAX_COUNTED else number(found)
        who = "The only user" if found == 1 else f"All {count} users"
        listed = params.describe_selection(is_all=True, who=who)
    context: dict[str, Any] = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "form": form,
        "tables": [(key, words) for key, (words, _) in TABLES.items()],
        "results": _RESULTS,
        "is_read": (matrix.inventory_cursor() or MirrorCursor()).pulled_at is not None,
        "ticked": ticked,
        "shown": listed,
        "teams": matrix.teams_by_unit(),
        "units": matrix.units(),
        "lists": matrix.user_lists(),
        "zone": timezone.get_current_timezone_name(),
    }
    return render_page(request, "filters/plan.html", context, status=status)


@allow(Role.FILTER_MANAGER, methods=("POST",))
def create_from_matrix(request: PortalRequest) -> HttpResponse:
    """Create a run for one user, the ticked users, or all that the matrix shows, and show its preview."""
    params = MatrixParams.read(request.GET)
    all_shown = "all" in request.POST
    try:
        do = request.POST.get("do")
        if do not in ("off", "on"):
            raise NotPossible("Choose whether to switch on or off. Nothing was changed.")
        _, tables = TABLES.get(request.POST.get("tables", ""), ("", ()))
        ids = matrix.user_ids(params.criteria) if all_shown else ticked_ids(request.POST.getlist("user"))
        words = params.describe_selection(is_all=all_shown)
        run = creation.create_run(ids, creation.RunSpec(tables, on=do == "on", words=words), by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return HttpResponseRedirect(reverse("filters") + params.query(), status=303)
    return _redirect_to_preview(run)


def _redirect_to_preview(run: FilterRun) -> HttpResponse:
    count_meetings_of_short_run(run)
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)


def count_meetings_of_short_run(run: FilterRun) -> None:
    """Count the meetings of a short run now; for a longer run, workers count them while the preview is open."""
    if run.state != RunState.COUNTING or run.items.filter(needs_count=True).count() > _MAX_SHORT_RUN:
        return
    if not breakers.all_closed(breakers.CONNECTION_BREAKERS):
        return
    try:
        meetings.count_next(run, crm=clients.crm(), deadline=Deadline.after(_MAX_SECONDS))
    except CrmError:
        return
