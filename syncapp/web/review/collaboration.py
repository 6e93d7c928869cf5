"""Steps that people take together on the record page: assign, park, remark, ask, answer, be seen; and its history."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from syncapp.models import Comment, Person
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.review.errors import NotPossible
from syncapp.text.ids import parse_uuid
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page, wants_part
from syncapp.web.review import history as pasts
from syncapp.web.review import record_page


@allow(Role.REVIEWER, methods=("POST",))
def assign(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Take the edit, or give it back."""
    to = request.user if request.POST.get("do") != "nobody" else None
    said = "Assigned to you." if to else "Assigned to nobody."
    return _step(request, record_id, lambda: collaboration.assign(record_id, to=to, by=request.user), said=said)


@allow(Role.REVIEWER, methods=("POST",))
def park(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Put the edit off until a day."""
    day = request.POST.get("do", "")
    chosen = request.POST.get("park_until", "") if day == "park" else day

    def take() -> None:
        collaboration.park(record_id, until=_day(chosen), by=request.user)

    return _step(request, record_id, take, said="Parked.", control="park_until")


@allow(Role.REVIEWER, methods=("POST",))
def unpark(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Let the edit wait again."""
    return _step(request, record_id, lambda: collaboration.unpark(record_id, by=request.user), said="It waits again.")


@allow(*REVIEW_ROLES, methods=("POST",))
def remark(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Say something about the edit."""
    text = request.POST.get("remark", "")
    take = lambda: collaboration.add_remark(record_id, text=text, by=request.user)  # noqa: E731  (one line, one use)
    return _step(request, record_id, take, said="Noted.", control="remark")


@allow(*REVIEW_ROLES, methods=("POST",))
def ask(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Ask a colleague, who gets a mail."""

    text = request.POST.get("question", "")

    def take() -> None:
        whom = _person(request.POST.get("whom", ""))
        collaboration.ask(record_id, colleague=whom, text=text, by=request.user)

    control = "question" if collaboration.text_problem(text) else "whom"
    return _step(request, record_id, take, said="Asked.", control=control)


@allow(*REVIEW_ROLES, methods=("POST",))
def reply(request: PortalRequest, question_id: int) -> HttpResponse:
    """Answer a question; who asked gets a mail."""
    question = get_object_or_404(Comment, pk=question_id, kind=Comment.Kind.QUESTION)
    text = request.POST.get(f"answer.{question_id}", "")
    take = lambda: collaboration.answer(question_id, text=text, by=request.user)  # noqa: E731  (one line, one use)
    return _step(request, question.record_id, take, said="Answered.", control=f"answer.{question_id}")


@allow(*REVIEW_ROLES, methods=("POST",))
def presence(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """The open page says that it is open, and hears who else is there."""
    row = record_page.record_or_404(record_id)
    collaboration.note_presence(row.pk, by=request.user)
    also_here = collaboration.others_viewing(row.pk, person=request.user)
    return render_page(request, "review/_presence.html", {"shown": row, "also_here": also_here})


@allow(*REVIEW_ROLES)
def history(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Earlier edits of this contact and what became of them."""
    row = record_page.record_or_404(record_id)
    view = record_page.view_of(request, row)
    past = pasts.past_shown(row, person=request.user, known=view.columns_of(row.target_table))
    template = "review/_past.html" if wants_part(request) else "review/history.html"
    return render_page(request, template, record_page.context_of(request, view, None, past=past, record=row))


def _step(
    request: PortalRequest, record_id: uuid.UUID, take: Callable[[], object], *, said: str, control: str = ""
) -> HttpResponse:
    return record_page.step(request, record_page.record_or_404(record_id), take, said=said, control=control)


def _day(text: str) -> date:
    day = parameters.day(text)
    if day is None:
        raise NotPossible("Choose a day to park until.")
    return day


def _person(text: str) -> Person:
    person_id = parse_uuid(text)
    found = Person.objects.filter(pk=person_id).first() if person_id else None
    if found is None:
        raise NotPossible("Choose a colleague to ask.")
    return found
