"""What every step on the record page shares: the edit, its page as it is now, the answer with or without htmx."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp import preferences
from syncapp.crm.values.lookups import NamedRow
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.review import collaboration, reasons
from syncapp.review import context as steps
from syncapp.review.errors import AlreadyDecided, ReviewError
from syncapp.web.base.access import PortalRequest
from syncapp.web.base.page import PageContext, render_page, wants_part
from syncapp.web.review import forms, links, params
from syncapp.web.review import record as shown
from syncapp.web.review.comments import Talk
from syncapp.web.review.forms import Problem
from syncapp.web.review.queue import QueueView
from syncapp.web.review.record import Asked, RecordShown

Problems = Mapping[uuid.UUID | str | None, Problem]
Found = Mapping[uuid.UUID, Sequence[NamedRow]]


def record_or_404(record_id: uuid.UUID) -> SyncRecord:
    """The edit, unless it has not arrived yet."""
    return get_object_or_404(SyncRecord.objects.shown().select_related("assigned_to"), pk=record_id)


def field_or_404(field_id: uuid.UUID) -> SyncField:
    """The field of an edit that has arrived."""
    return get_object_or_404(SyncField.objects.select_related("record").filter(record__is_stub=False), pk=field_id)


def view_of(request: PortalRequest, current: SyncRecord | None = None) -> QueueView:
    """The list around the edit."""
    return QueueView(params.read(request.GET, request.user), PageContext(request.user), current=current)


def split_in(request: PortalRequest) -> frozenset[str]:
    """The groups that the person split, in the address or in the form."""
    return forms.split_of(request.GET) | forms.split_of(request.POST)


def shown_in(
    request: PortalRequest, view: QueueView, problems: Problems | None = None, found: Found | None = None
) -> RecordShown:
    """The view's open edit as it is now, with what the reviewer had typed into the form that was sent."""
    post, row = request.POST, view.current
    if row is None:
        raise Http404
    typed = (lambda key: forms.typed(post, key)) if post else links.preselected(request.GET, row)
    return _opened(request, view, Asked(typed, problems or {}, split_in(request), found or {}))


def _opened(request: PortalRequest, view: QueueView, brought: Asked) -> RecordShown:
    row = view.current
    if row is None:
        raise Http404
    wanted = preferences.read().field_groups
    known = view.columns_of(row.target_table)
    return shown.record_shown(row, person=request.user, known=known, wanted_groups=wanted, asked=brought)


def context_of(request: PortalRequest, view: QueueView, page: RecordShown | None, **more: Any) -> dict[str, Any]:
    """What the templates of the list and of the open edit need."""
    frame = {"section": "review", "around": view.around, "view": view, "shown": page, "query": _query(request, view)}
    told = {"reasons": reasons.options(), "reason_required": reasons.is_required()}
    if page is not None:
        told |= {
            "also_here": collaboration.others_viewing(page.id, person=request.user),
            "talk": Talk(page.record, request.user),
        }
    return frame | told | more


def _query(request: PortalRequest, view: QueueView) -> str:
    """The list's part of the address and the groups that are split."""
    split = urlencode([("split", key) for key in sorted(split_in(request))])
    return "?" + "&".join(filter(None, [view.query.lstrip("?"), split])) if split else view.query


def step(
    request: PortalRequest, record: SyncRecord, take: Callable[[], object], *, said: str, control: str = ""
) -> HttpResponse:
    """Take one step, and show the page with its result or with why it was not taken.

    `control` names the step's input outside the form of the fields; the reason of a refusal stands beside it.
    """
    try:
        take()
    except ReviewError as error:
        key = error.field.pk if error.field else None
        problem = Problem(words_of(error, request.user), "" if error.field else control)
        return page_again(request, record, {key: problem}, status=409)
    return done(request, record, said=said)


def words_of(error: ReviewError, reader: Person) -> str:
    """Why a decision was not taken, as this person reads it."""
    if isinstance(error, AlreadyDecided) and error.field is not None:
        return steps.already_decided_message(error.field, reader=reader)
    return str(error)


def done(request: PortalRequest, row: SyncRecord, *, said: str, decisions: Sequence[Decision] = ()) -> HttpResponse:
    """The page after a step; `said` is what a screen reader hears.

    Where `decisions` left nothing open and the form asks to go on, the next contact of the list, in the same answer.
    """
    if not wants_part(request):
        return to_record(request, row)
    view = view_of(request, record_or_404(row.pk))
    goes_on = decisions and view.is_through and forms.goes_on(request.POST)
    following = view.moved_on() if goes_on else None
    if following is not None:
        return _next_contact(request, following, row, said=said, decisions=decisions)
    news = {"said": said, "way_back": _way_back(row, view, decisions)}
    return render_page(request, "review/_swap.html", context_of(request, view, shown_in(request, view), **news))


def _way_back(row: SyncRecord, view: QueueView, decisions: Sequence[Decision]) -> str:
    """The address that takes back all of one submit; '' where nothing was decided."""
    of = ",".join(str(decision.pk) for decision in decisions)
    return f"{reverse('undo_step', args=[row.pk])}{view.query or '?'}{'&' if view.query else ''}of={of}" if of else ""


def _next_contact(
    request: PortalRequest, view: QueueView, left: SyncRecord, *, said: str, decisions: Sequence[Decision]
) -> HttpResponse:
    """The contact as if it was opened from the list; beside it what the list says now of the one that was left."""
    page = _opened(request, view, Asked())
    way_back = _way_back(left, view, decisions)
    news = {"said": said, "way_back": way_back, "query": view.query, "read_soon": True}
    response = render_page(request, "review/_swap.html", context_of(request, view, page, **news))
    response["HX-Push-Url"] = reverse("record", args=[page.id]) + view.query
    return response


def page_again(
    request: PortalRequest,
    row: SyncRecord,
    problems: Problems,
    *,
    status: int,
    taken: int = 0,
    found: Found | None = None,
) -> HttpResponse:
    """The page with what went wrong beside what was typed."""
    view = view_of(request, record_or_404(row.pk))
    page = shown_in(request, view, problems, found)
    talk = Talk(page.record, request.user, problem=page.problem, sent=request.POST)
    context = context_of(request, view, page, showing="record", taken=taken, refused=bool(problems), talk=talk)
    template = "review/_swap.html" if wants_part(request) else "review/record.html"
    return render_page(request, template, context, status=status)


def to_record(request: PortalRequest, row: SyncRecord) -> HttpResponse:
    """The page of the edit, for a browser without scripts."""
    return HttpResponseRedirect(reverse("record", args=[row.pk]) + _query(request, view_of(request)), status=303)
