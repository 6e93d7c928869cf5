"""Planning a run: the form for whom and what, and freezing its list; from a cell or ticked users in one step."""

from __future__ import annotations

import uuid
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
from syncapp.sync_filters.runs import freezing, meetings
from syncapp.text.localization import number
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import PageContext, render_page
from syncapp.web.filters import params, plan_form
from syncapp.web.filters.matrix import choices_of
from syncapp.web.filters.params import Asked
from syncapp.web.filters.plan_form import TABLES, Missing, Submitted, Typed

_COUNTED_AT_ONCE = 50
_WAIT = 8.0
_NAMED = 6
_SWITCHES = (
    ("off", "Filters off", "What they select no longer goes to Outlook."),
    ("on", "Filters on", "What they select goes to Outlook again."),
)
_MAILBOXES = (
    (
        "method-2",
        "Mailbox method None",
        "Appointments, contacts and tasks all stop; nothing is deleted from the mailbox.",
    ),
    ("method-1", "Mailbox method Server-side", "The CRM itself synchronizes appointments, contacts and tasks."),
    ("method-0", "Mailbox method Outlook", "Only the old add-in on a PC synchronizes them."),
)
_WANTED = (("Users’ own filters", _SWITCHES), ("Or how the mailbox synchronizes", _MAILBOXES))


@allow(Role.FILTER_MANAGER, methods=("GET", "POST"))
def plan_run(request: PortalRequest) -> HttpResponse:
    """The form in front of a run; a complete one freezes its list and goes on to the preview."""
    if request.method != "POST" or "freeze" not in request.POST:
        return _form(request, plan_form.opened(request.GET, request.POST))
    try:
        upload = request.FILES.get("file")
        said = plan_form.typed(request.POST, upload.read(plan_form.MOST_BYTES + 1) if upload else b"")
    except Missing as missing:
        said = plan_form.typed(request.POST)
        return _form(request, said, Submitted(problems={missing.where: str(missing)}))
    sent = plan_form.submitted(said)
    if sent.planned is None:
        return _form(request, said, sent)
    try:
        run = freezing.freeze_run(sent.planned.who.ids, sent.planned.wish, by=request.user)
    except NotPossible as problem:
        return _form(request, said, Submitted(None, sent.who, {"source": str(problem)}))
    for note in sent.planned.who.notes:
        messages.info(request, note)
    return _to_preview(run)


def _form(request: PortalRequest, said: Typed, sent: Submitted | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        "section": "filters",
        "around": PageContext(request.user),
        "said": said,
        "sent": sent or Submitted(),
        "tables": [(key, words) for key, (words, _) in TABLES.items()],
        "wanted": _WANTED,
        "is_read": (matrix.inventory() or MirrorCursor()).pulled_at is not None,
        "ticked": _names(said),
        "shown": _shown(said),
        "teams": matrix.teams(),
        "units": matrix.units(),
        "lists": matrix.user_lists(),
        "zone": timezone.get_current_timezone_name(),
    }
    return render_page(request, "filters/plan.html", context, status=422 if sent else 200)


def _names(said: Typed) -> str:
    """Who is ticked, the first by name."""
    ids = plan_form.ids_of(said)
    users = FilterUser.objects.people().filter(pk__in=ids[:_NAMED]).order_by("name_key")
    named = ", ".join(user.name for user in users)
    return named + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def _shown(said: Typed) -> str:
    """All that the list showed: how many, and by what it was narrowed."""
    asked = params.read(QueryDict(said.shown))
    if said.source != "shown" and not asked.parameters:
        return ""
    chosen = [dict(options).get(value, value) for _, _, value, options in choices_of(asked) if value]
    begins = [f"search “{asked.by.search}”"] if asked.by.search else []
    found = matrix.count(asked.by)
    count = f"{number(matrix.MOST_COUNTED)}+" if found > matrix.MOST_COUNTED else f"{number(found)}"
    return f"All {count} that the list showed: " + (", ".join(begins + chosen) or "everybody")


@allow(Role.FILTER_MANAGER, methods=("POST",))
def freeze(request: PortalRequest) -> HttpResponse:
    """Freeze the ticked users, one user, or all that the matrix shows, into a run's preview."""
    asked = params.read(request.GET)
    try:
        run = freezing.freeze_run(_chosen(request, asked), _wish(request), by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return HttpResponseRedirect(reverse("filters") + asked.query(), status=303)
    return _to_preview(run)


def _chosen(request: PortalRequest, asked: Asked) -> list[uuid.UUID]:
    if "all" in request.POST:
        return matrix.everybody(asked.by)
    return plan_form.ids_of(Typed(users=tuple(request.POST.getlist("user"))))


def _wish(request: PortalRequest) -> freezing.Wish:
    _, tables = TABLES.get(request.POST.get("tables", ""), ("", ()))
    do = request.POST.get("do")
    if do not in ("off", "on"):
        raise NotPossible("The form came without what is wanted. Nothing was changed.")
    words = "All that the list showed" if "all" in request.POST else "Ticked"
    return freezing.Wish(tables, on=do == "on", words=words)


def _to_preview(run: FilterRun) -> HttpResponse:
    count_a_few(run)
    return HttpResponseRedirect(reverse("filter_run", args=[run.pk]), status=303)


def count_a_few(run: FilterRun) -> None:
    """Count at once what takes a moment only; workers count the rest while the preview is open already."""
    if run.state != RunState.COUNTING or run.items.filter(needs_count=True).count() > _COUNTED_AT_ONCE:
        return
    if not breakers.all_closed(breakers.CONNECTION_BREAKERS):
        return
    try:
        meetings.count(run, crm=clients.crm(), deadline=Deadline.after(_WAIT))
    except CrmError:
        return
