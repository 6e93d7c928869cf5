"""Parking and assigning the edits that are ticked in the list, or all that the list shows."""

from __future__ import annotations

import uuid
from datetime import date

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from syncapp.models import Person
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.review.errors import ReviewError
from syncapp.review.queue import reads
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.review.collaboration import ParkForm
from syncapp.web.review.decision_form import first_problem
from syncapp.web.review.params import QueueParams, read_params
from syncapp.web.review.queue import show_queue

MAX_EDITS = 1000  # per request
NOBODY = "nobody"
NOTHING_SELECTED = "Select edits that are waiting for a decision."
CHOOSE_REVIEWER = "Choose a reviewer."


class AssignForm(forms.Form):
    """The reviewer to assign edits to: an id, or `nobody`."""

    assignee = forms.CharField(error_messages={"required": CHOOSE_REVIEWER})

    def clean_assignee(self) -> Person | None:
        given = self.cleaned_data["assignee"]
        person_id = parse_uuid(given)
        person = Person.objects.filter(pk=person_id).first() if person_id else None
        if person is None and given != NOBODY:
            raise forms.ValidationError(CHOOSE_REVIEWER)
        return person


@allow(Role.REVIEWER, methods=("POST",))
def park_selected(request: PortalRequest) -> HttpResponse:
    """Park the selected edits until a day: the value of a button, or the date that was entered."""
    form = ParkForm.from_post(request.POST)
    if not form.is_valid():
        return _refuse(request, first_problem(form).words)
    until: date = form.cleaned_data["park_until"]
    params, ids = _read_selection(request)
    try:
        count = collaboration.park_all(ids[:MAX_EDITS], until=until, by=request.user)
    except ReviewError as error:
        return _refuse(request, str(error))
    return _redirect_with_count(
        request, params, count, f"parked until {localization.day(until)}", is_cut=len(ids) > MAX_EDITS
    )


@allow(Role.REVIEWER, methods=("POST",))
def unpark_selected(request: PortalRequest) -> HttpResponse:
    """Return the selected edits to the waiting edits."""
    params, ids = _read_selection(request)
    count = collaboration.unpark_all(ids[:MAX_EDITS], by=request.user)
    return _redirect_with_count(request, params, count, "back in Waiting", is_cut=len(ids) > MAX_EDITS)


@allow(Role.REVIEWER, methods=("POST",))
def assign_selected(request: PortalRequest) -> HttpResponse:
    """Assign the selected edits to a reviewer, or to no one."""
    form = AssignForm(request.POST)
    if not form.is_valid():
        return _refuse(request, first_problem(form).words)
    person: Person | None = form.cleaned_data["assignee"]
    params, ids = _read_selection(request)
    try:
        count = collaboration.assign_all(ids[:MAX_EDITS], to=person, by=request.user)
    except ReviewError as error:
        return _refuse(request, str(error))
    done = "unassigned" if person is None else f"assigned to {'you' if person == request.user else person.name}"
    return _redirect_with_count(request, params, count, done, is_cut=len(ids) > MAX_EDITS)


def _read_selection(request: PortalRequest) -> tuple[QueueParams, list[uuid.UUID]]:
    """Return the list's parameters and the ids of its selected edits, at most one more than MAX_EDITS."""
    params = read_params(request.GET, request.user).first_page
    if "all" in request.POST:
        return params, reads.ids_in(params.tab, params.criteria, limit=MAX_EDITS + 1)
    ticked = [record_id for record_id in map(parse_uuid, request.POST.getlist("record")) if record_id]
    return params, ticked[: MAX_EDITS + 1]


def _redirect_with_count(
    request: PortalRequest, params: QueueParams, count: int, done: str, *, is_cut: bool
) -> HttpResponse:
    if not count:
        return _refuse(request, NOTHING_SELECTED)
    more = f" These were the first {localization.number(MAX_EDITS)}; more match." if is_cut else ""
    messages.success(request, f"{localization.number(count)} edit{'' if count == 1 else 's'} {done}.{more}")
    return HttpResponseRedirect(reverse("queue") + params.query, status=303)


def _refuse(request: PortalRequest, words: str) -> HttpResponse:
    """Show the list with the reason, and with the same edits ticked."""
    params = read_params(request.GET, request.user).first_page
    messages.error(request, words)
    return show_queue(request, params, status=422, ticked=request.POST.getlist("record"))
