"""The queue: its page, polls for news and progress, further rows, saved views."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from syncapp.accounts import saved_views
from syncapp.accounts.errors import BadView
from syncapp.models import SavedView, SyncRecord
from syncapp.models.person import Role
from syncapp.review.queue import reads
from syncapp.text.ids import parse_uuid
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, PageContext, render_page
from syncapp.web.review import links, record_page
from syncapp.web.review.params import QueueParams, read_params
from syncapp.web.review.queue_presenter import QueuePresenter
from syncapp.web.review.row_presenter import present_rows

MAX_ROWS_PER_POLL = 40  # as many as fit into an address; list.js sends no more


class SavedViewForm(forms.Form):
    """The name of a list to save."""

    name = forms.CharField(error_messages={"required": "Enter a name for the view."})


@allow(*REVIEW_ROLES, Role.FILTER_MANAGER)
def home(request: PortalRequest) -> HttpResponse:
    """Redirect to the queue; people who only manage filters start at the matrix."""
    return redirect("queue" if request.user.has_role(*REVIEW_ROLES) else "filters")


@allow(*REVIEW_ROLES)
def queue(request: PortalRequest) -> HttpResponse:
    """Show the list with its first edit open beside it."""
    return show_queue(request, read_params(request.GET, request.user))


def show_queue(request: PortalRequest, params: QueueParams, *, status: int = 200, **more: Any) -> HttpResponse:
    """Show a list with its first edit open beside it; `more` adds to the context."""
    queue = QueuePresenter(params, PageContext(request.user))
    queue.current = next(iter(queue.page.records), None)
    edit = record_page.present(request, queue) if queue.current else None
    more |= {"showing": "list", "read_soon": True, "link_problem": links.gone_notice(request.GET)}
    return record_page.render(request, "review/queue.html", queue, edit, status=status, **more)


@allow(*REVIEW_ROLES)
def count_new(request: PortalRequest) -> HttpResponse:
    """Show how many edits have arrived since the list was shown; only an empty list loads them automatically."""
    queue = _queue_of(request)
    since = parameters.moment(request.GET.get("since", ""))
    count = reads.count_newer(queue.tab, since, queue.params.criteria) if since else 0
    names_record = record_page.names_record(request)
    context: dict[str, Any] = {"fresh": count, "since": since.isoformat() if since else ""}
    context |= {"names_record": names_record, "is_empty": "empty" in request.GET}
    return render_page(request, "review/_news.html", _context_of(queue) | context)


@allow(*REVIEW_ROLES)
def changed_rows(request: PortalRequest) -> HttpResponse:
    """Return the rows whose phase has changed since the page showed them; their positions in the list stay the same.

    The page names each row as its id, a dot and its phase.
    """
    queue = _queue_of(request)
    pairs = [text.partition(".") for text in request.GET.getlist("writing")[:MAX_ROWS_PER_POLL]]
    phases = {record_id: phase for text, _, phase in pairs if (record_id := parse_uuid(text))}
    records = list(SyncRecord.objects.visible().filter(pk__in=phases))
    found = present_rows(records, queue.columns_of, current=None, person=request.user)
    rows = [row for row in found if row.phase != phases[row.record.pk]]
    if not rows:
        return HttpResponse(status=204)
    return render_page(request, "review/_written.html", _context_of(queue) | {"rows": rows})


@allow(*REVIEW_ROLES)
def following_rows(request: PortalRequest) -> HttpResponse:
    """Return the rows that follow those of a page."""
    return render_page(request, "review/_more.html", _context_of(_queue_of(request)))


@allow(*REVIEW_ROLES, methods=("POST",))
def save_view(request: PortalRequest) -> HttpResponse:
    """Save the list of this address under a name."""
    params = read_params(request.GET, request.user).first_page
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        return show_queue(request, params, status=422, view_form=form)
    try:
        saved_views.save(SavedView, form.cleaned_data["name"], query=params.query, by=request.user)
    except BadView as error:
        form.add_error("name", str(error))
        return show_queue(request, params, status=422, view_form=form)
    return _redirect_to_queue(params)


@allow(*REVIEW_ROLES, methods=("POST",))
def delete_view(request: PortalRequest, view_id: uuid.UUID) -> HttpResponse:
    """Delete one of the reader's own views."""
    saved_views.delete(SavedView, view_id, by=request.user)
    return _redirect_to_queue(read_params(request.GET, request.user))


def _redirect_to_queue(params: QueueParams) -> HttpResponse:
    return HttpResponseRedirect(reverse("queue") + params.query, status=303)


def _queue_of(request: PortalRequest) -> QueuePresenter:
    return QueuePresenter(read_params(request.GET, request.user), PageContext(request.user))


def _context_of(queue: QueuePresenter) -> dict[str, Any]:
    return {"queue": queue, "page_context": queue.page_context}
