"""Shared by all actions on the record page: fetching the edit, and answering with its page or a part of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp import preferences
from syncapp.crm.values.lookups import NamedRow
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.review import collaboration, reasons
from syncapp.review.errors import ReviewError
from syncapp.review.queue.criteria import Tab
from syncapp.web.base.access import PortalRequest
from syncapp.web.base.page import PageContext, render_page, wants_part
from syncapp.web.review import links
from syncapp.web.review.comments_presenter import CommentsPresenter
from syncapp.web.review.decision_form import DecisionForm, Problem, first_problem, read_input, split_groups, words_of
from syncapp.web.review.params import read_params
from syncapp.web.review.queue_presenter import QueuePresenter
from syncapp.web.review.record_presenter import PageState, Problems, RecordPresenter, present_record

LookupRows = Mapping[uuid.UUID, Sequence[NamedRow]]


def get_record(record_id: uuid.UUID) -> SyncRecord:
    """Return the edit. Raises Http404 if it has not arrived in full."""
    return get_object_or_404(SyncRecord.objects.visible().select_related("assigned_to"), pk=record_id)


def get_field(field_id: uuid.UUID) -> SyncField:
    """Return the field. Raises Http404 if its edit has not arrived in full."""
    return get_object_or_404(SyncField.objects.select_related("record").filter(record__is_stub=False), pk=field_id)


def queue_of(request: PortalRequest, current: SyncRecord | None = None) -> QueuePresenter:
    """Return the queue that the query string selects, with `current` as the open edit."""
    return QueuePresenter(read_params(request.GET, request.user), PageContext(request.user), current=current)


def present(
    request: PortalRequest,
    queue: QueuePresenter,
    problems: Problems | None = None,
    lookup_rows: LookupRows | None = None,
) -> RecordPresenter:
    """Return the current state of the list's open edit, with the input of the form that was sent."""
    post, row = request.POST, queue.current
    if row is None:
        raise Http404
    input_of = (lambda key: read_input(post, key)) if post else links.preselected(request.GET, row)
    state = PageState(input_of, problems or {}, _split_groups(request), lookup_rows or {})
    return _present(request, queue, row, state)


def _present(request: PortalRequest, queue: QueuePresenter, row: SyncRecord, state: PageState) -> RecordPresenter:
    field_groups = preferences.read().field_groups
    columns = queue.columns_of(row.target_table)
    return present_record(row, person=request.user, columns=columns, wanted_groups=field_groups, state=state)


def _split_groups(request: PortalRequest) -> frozenset[str]:
    return split_groups(request.GET) | split_groups(request.POST)


def render(
    request: PortalRequest,
    template: str,
    queue: QueuePresenter,
    edit: RecordPresenter | None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Render a template of the list and the open edit; `more` adds to the context, or replaces parts of it."""
    context = {
        "section": "review",
        "page_context": queue.page_context,
        "queue": queue,
        "edit": edit,
        "query": _query(request, queue),
        "reasons": reasons.options(),
        "reason_required": reasons.is_required(),
        "names_record": more["showing"] == "record" if "showing" in more else names_record(request),
    }
    if edit is not None:
        context["also_here"] = collaboration.others_viewing(edit.id, person=request.user)
        context["comments"] = CommentsPresenter(edit.record, request.user)
    return render_page(request, template, context | more, status=status)


def names_record(request: PortalRequest) -> bool:
    """Return whether the browser's URL, and so the title, names an edit: all URLs do except that of the list."""
    return urlsplit(request.htmx.current_url or "").path != reverse("queue")


def _query(request: PortalRequest, queue: QueuePresenter) -> str:
    """Return the query string with the list and the groups that are split."""
    split = urlencode([("split", key) for key in sorted(_split_groups(request))])
    return "?" + "&".join(filter(None, [queue.query.lstrip("?"), split])) if split else queue.query


def perform(
    request: PortalRequest,
    row: SyncRecord,
    action: Callable[[], object],
    *,
    message: str,
    control: str = "",
    undone: Collection[uuid.UUID] = (),
    moves_on: bool = False,
) -> HttpResponse:
    """Call the action, and show the page with its result or with the reason for a refusal.

    `message` is for screen readers; `control` is the action's input outside the form of the fields; `undone` are the
    fields that wait again, the first of which gets the focus. With `moves_on`, the next edit of the list opens.
    """
    try:
        action()
    except ReviewError as error:
        key = error.field.pk if error.field else None
        problem = Problem(words_of(error, request.user), "" if error.field else control)
        return refuse(request, row, {key: problem}, status=409)
    queue = queue_of(request, get_record(row.pk))
    following = queue.with_next_open() if moves_on and queue.tab is Tab.WAITING else None
    next_row = following.current if following else None
    if not wants_part(request):
        return redirect_to_record(request, next_row or row)
    if following and next_row:
        return _show_next(request, following, next_row, message)
    edit = present(request, queue)
    first = next((each.id for each in edit.fields if each.id in undone), None)
    return render(request, "review/_swap.html", queue, edit, message=message, undone=first)


def inform(request: PortalRequest, row: SyncRecord, words: str) -> HttpResponse:
    """Show the unchanged page of the edit, with words that say why nothing was done."""
    if not wants_part(request):
        messages.info(request, words)
        return redirect_to_record(request, row)
    queue = queue_of(request, get_record(row.pk))
    return render(request, "review/_swap.html", queue, present(request, queue), message=words)


def respond_to_decisions(
    request: PortalRequest, row: SyncRecord, decisions: Sequence[Decision], form: DecisionForm
) -> HttpResponse:
    """Show the page after decisions, or the next contact if nothing is left here and the form asks for it."""
    queue = queue_of(request, get_record(row.pk))
    if not wants_part(request):
        if form.means_all and (words := _left_out(present(request, queue))):
            messages.warning(request, words)
        return redirect_to_record(request, row)
    approved = sum(decision.outcome == "approved" for decision in decisions)
    counts = ((approved, "approved"), (len(decisions) - approved, "rejected"))
    message = ", ".join(f"{count} {word}" for count, word in counts if count) + "."  # for screen readers
    following = queue.with_next_open() if form.wants_next and queue.is_current_decided else None
    if following is None or following.current is None:
        edit = present(request, queue)
        left_out = _left_out(edit) if form.means_all else ""
        return render(request, "review/_swap.html", queue, edit, left_out=left_out, message=message)
    return _show_next(request, following, following.current, message)


def _show_next(request: PortalRequest, following: QueuePresenter, row: SyncRecord, message: str) -> HttpResponse:
    """Answer htmx with the next edit of the list."""
    edit = _present(request, following, row, PageState())
    more: dict[str, Any] = {"query": following.query, "read_soon": True, "showing": "record", "message": message}
    response = render(request, "review/_swap.html", following, edit, **more)
    response["HX-Push-Url"] = reverse("record", args=[edit.id]) + following.query
    return response


def _left_out(edit: RecordPresenter) -> str:
    """Return a sentence about the fields left out of "Approve all" because they changed in the CRM, '' for none."""
    count = sum(each.is_changed_in_crm for each in edit.left_out)
    was, its = ("was", "its value") if count == 1 else ("were", "their values")
    return (
        f"{count} field{'' if count == 1 else 's'} changed in the CRM and {was} left out. Choose {its}."
        if count
        else ""
    )


def refuse(
    request: PortalRequest,
    row: SyncRecord,
    problems: Problems,
    *,
    status: int,
    taken: int = 0,
    lookup_rows: LookupRows | None = None,
) -> HttpResponse:
    """Show the page with the problems beside the input that was sent."""
    queue = queue_of(request, get_record(row.pk))
    edit = present(request, queue, problems, lookup_rows)
    comments = CommentsPresenter(edit.record, request.user, problem=edit.problem, sent=request.POST)
    more = {"showing": "record", "taken": taken, "refused": bool(problems), "comments": comments}
    template = "review/_swap.html" if wants_part(request) else "review/record.html"
    return render(request, template, queue, edit, status=status, **more)


def refuse_form(request: PortalRequest, row: SyncRecord, form: Form) -> HttpResponse:
    """Show the page with the first error of an invalid form beside its input."""
    return refuse(request, row, {None: first_problem(form)}, status=409)


def redirect_to_record(request: PortalRequest, row: SyncRecord) -> HttpResponse:
    """Redirect to the page of the edit, for a browser without scripts."""
    return HttpResponseRedirect(reverse("record", args=[row.pk]) + _query(request, queue_of(request)), status=303)
