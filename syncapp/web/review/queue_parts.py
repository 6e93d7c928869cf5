"""What the list asks for besides itself: whether something new came, the rows that follow, the reader's saved views."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from syncapp.models import SyncRecord
from syncapp.review.errors import ReviewError
from syncapp.review.queue import reads, saved_views
from syncapp.text.ids import parse_uuid
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, PageContext, render_page
from syncapp.web.review import params
from syncapp.web.review.list_rows import rows_of
from syncapp.web.review.queue import QueueView

MOST_WRITING = 40  # rows asked about at once, as many as an address holds; list.js sends no more


@allow(*REVIEW_ROLES)
def fresh(request: PortalRequest) -> HttpResponse:
    """How many edits came since the list was shown; it is not changed under the reader's hands."""
    view = QueueView(params.read(request.GET, request.user), PageContext(request.user))
    since = parameters.moment(request.GET.get("since", ""))
    found = reads.count_newer(view.tab, since, view.asked.by) if since else 0
    context = {"view": view, "around": view.around, "fresh": found, "since": since.isoformat() if since else ""}
    return render_page(request, "review/_news.html", context)


@allow(*REVIEW_ROLES)
def written(request: PortalRequest) -> HttpResponse:
    """Answer with the rows whose decisions went on since the page showed them; they keep their places.

    The page names each as its id and the phase that it shows.
    """
    view = QueueView(params.read(request.GET, request.user), PageContext(request.user))
    pairs = [said.partition(".") for said in request.GET.getlist("writing")[:MOST_WRITING]]
    phases = {found: phase for text, _, phase in pairs if (found := parse_uuid(text))}
    records = list(SyncRecord.objects.shown().filter(pk__in=phases))
    shown = rows_of(records, view.columns_of, current=None, person=request.user)
    rows = [row for row in shown if row.phase != phases[row.record.pk]]
    if not rows:
        return HttpResponse(status=204)
    return render_page(request, "review/_written.html", {"view": view, "around": view.around, "rows": rows})


@allow(*REVIEW_ROLES)
def more(request: PortalRequest) -> HttpResponse:
    """The rows that follow those of a page, to stand below them."""
    view = QueueView(params.read(request.GET, request.user), PageContext(request.user))
    return render_page(request, "review/_more.html", {"view": view, "around": view.around})


@allow(*REVIEW_ROLES, methods=("POST",))
def save_view(request: PortalRequest) -> HttpResponse:
    """Keep the list of this address under a name."""
    wanted = params.read(request.GET, request.user).first_page
    try:
        saved_views.save(request.POST.get("name", ""), query=wanted.query, by=request.user)
    except ReviewError as error:
        messages.error(request, str(error))
    return _to_queue(wanted)


@allow(*REVIEW_ROLES, methods=("POST",))
def delete_view(request: PortalRequest, view_id: uuid.UUID) -> HttpResponse:
    """Forget one of the reader's own views."""
    saved_views.delete(view_id, by=request.user)
    return _to_queue(params.read(request.GET, request.user))


def _to_queue(wanted: params.Asked) -> HttpResponse:
    return HttpResponseRedirect(reverse("queue") + wanted.query, status=303)
