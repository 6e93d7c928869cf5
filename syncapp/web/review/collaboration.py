"""Collaboration on one edit: assign, park, comment, ask, answer, presence and history."""

from __future__ import annotations

import uuid
from functools import partial

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404

from syncapp.models import Comment, Person
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.text.ids import parse_uuid
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page, wants_part
from syncapp.web.review import record_page
from syncapp.web.review.history_presenter import present_history

CHOOSE_DAY = "Choose a day."
CHOOSE_COLLEAGUE = "Choose a colleague to ask."
EDITOR = "editor"  # stands for the person who edited in Outlook, in place of a colleague's id


class ParkForm(forms.Form):
    """The day until which an edit is parked."""

    park_until = forms.DateField(
        input_formats=["%Y-%m-%d"], error_messages={"required": CHOOSE_DAY, "invalid": CHOOSE_DAY}
    )

    @classmethod
    def from_post(cls, post: QueryDict) -> ParkForm:
        """Return the form with the day of the pressed button, or the date that was entered."""
        day = post.get("do", "")
        return cls({"park_until": post.get("park_until", "") if day == "park" else day})


class QuestionForm(forms.Form):
    """A question to a colleague or, if `whom` is None, to the person who edited in Outlook.

    `review.collaboration` checks the text.
    """

    whom = forms.CharField(error_messages={"required": CHOOSE_COLLEAGUE})
    question = forms.CharField(required=False)

    def clean_whom(self) -> Person | None:
        given = self.cleaned_data["whom"]
        person_id = parse_uuid(given)
        person = Person.objects.filter(pk=person_id).first() if person_id else None
        if person is None and given != EDITOR:
            raise forms.ValidationError(CHOOSE_COLLEAGUE)
        return person


@allow(Role.REVIEWER, methods=("POST",))
def assign(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Assign the edit to the reader, or unassign it."""
    row = record_page.get_record(record_id)
    assignee = None if request.POST.get("do") == "nobody" else request.user
    action = partial(collaboration.assign, record_id, to=assignee, by=request.user)
    return record_page.perform(request, row, action, message="Assigned to you." if assignee else "Unassigned.")


@allow(Role.REVIEWER, methods=("POST",))
def park(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Park the edit until a day: the value of a button, or the date that was entered."""
    row = record_page.get_record(record_id)
    form = ParkForm.from_post(request.POST)
    if not form.is_valid():
        return record_page.refuse_form(request, row, form)
    action = partial(collaboration.park, record_id, until=form.cleaned_data["park_until"], by=request.user)
    return record_page.perform(request, row, action, message="Parked.", control="park_until", moves_on=True)


@allow(Role.REVIEWER, methods=("POST",))
def unpark(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Move a parked edit back to Waiting."""
    row = record_page.get_record(record_id)
    action = partial(collaboration.unpark, record_id, by=request.user)
    return record_page.perform(request, row, action, message="Back in Waiting.")


@allow(*REVIEW_ROLES, methods=("POST",))
def remark(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Add a comment to the edit."""
    row = record_page.get_record(record_id)
    action = partial(collaboration.add_comment, record_id, text=request.POST.get("remark", ""), by=request.user)
    return record_page.perform(request, row, action, message="Comment added.", control="remark")


@allow(*REVIEW_ROLES, methods=("POST",))
def ask(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Ask a colleague or the person who edited, by mail."""
    row = record_page.get_record(record_id)
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return record_page.refuse_form(request, row, form)
    colleague, text = form.cleaned_data["whom"], form.cleaned_data["question"]
    action = partial(collaboration.ask, record_id, colleague=colleague, text=text, by=request.user)
    message = "Question sent."
    if colleague is None:
        action = partial(collaboration.ask_editor, record_id, text=text, by=request.user)
        message = "Question sent. The reply goes to your mail address."
    control = "question" if collaboration.text_problem(text) else "whom"
    return record_page.perform(request, row, action, message=message, control=control)


@allow(*REVIEW_ROLES, methods=("POST",))
def reply(request: PortalRequest, question_id: int) -> HttpResponse:
    """Answer a question; the person who asked gets a mail."""
    question = get_object_or_404(Comment, pk=question_id, kind=Comment.Kind.QUESTION)
    row = record_page.get_record(question.record_id)
    control = f"answer.{question_id}"
    action = partial(collaboration.answer, question_id, text=request.POST.get(control, ""), by=request.user)
    return record_page.perform(request, row, action, message="Answer sent.", control=control)


@allow(*REVIEW_ROLES, methods=("POST",))
def presence(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Note that the reader has the edit open, and show who else has it open."""
    row = record_page.get_record(record_id)
    collaboration.note_presence(row.pk, by=request.user)
    also_here = collaboration.others_viewing(row.pk, person=request.user)
    return render_page(request, "review/_presence.html", {"also_here": also_here})


@allow(*REVIEW_ROLES)
def history(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Show earlier edits of this contact and their outcomes."""
    row = record_page.get_record(record_id)
    queue = record_page.queue_of(request, row)
    past = present_history(row, person=request.user, columns=queue.columns_of(row.target_table))
    template = "review/_past.html" if wants_part(request) else "review/history.html"
    return record_page.render(request, template, queue, None, history=past, record=row)
