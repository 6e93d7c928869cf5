"""The record page: show an edit, decide, undo, follow up. Each action works with plain forms and with htmx."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.connection import clients
from syncapp.mirror.edits import live_values
from syncapp.mirror.edits.live_values import RefreshResult
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.person import Role
from syncapp.review import context, decisions, follow_ups
from syncapp.review.errors import BadValue, ReviewError
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, wants_part
from syncapp.web.review import links, record_page
from syncapp.web.review.decision_form import DecisionForm, FollowUpForm, Problem
from syncapp.web.review.queue_presenter import QueuePresenter
from syncapp.web.review.record_presenter import Problems

NO_ANSWER = "The CRM did not answer. The page shows values read earlier."
REFUSED = "The CRM refused the read request; the reason is at the top of the page, which shows values read earlier."


@allow(*REVIEW_ROLES)
def record(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Show one edit; htmx gets the right side alone, or only the rows it polls for."""
    queue = record_page.queue_of(request, record_page.get_record(record_id))
    if wants_part(request) and "live" in request.GET:
        return _polled_rows(request, queue)
    edit = record_page.present(request, queue)
    template = "review/_opened.html" if wants_part(request) else "review/record.html"
    mail: dict[str, Any] = {
        "mail_notice": links.mail_notice(request.GET, edit),
        "mail_focus": links.wanted_focus(request.GET, edit),
    }
    return record_page.render(request, template, queue, edit, showing="record", read_soon=True, **mail)


@allow(Role.REVIEWER, methods=("POST",))
def decide(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Take the decisions of one submit: one field, one group, the marked fields, or all."""
    row = record_page.get_record(record_id)
    form = DecisionForm(request.POST, row)
    if not form.is_valid():
        return record_page.refuse(request, row, form.problems, status=422)
    result = decisions.decide(form.choices, by=request.user)
    if result.refused:
        problems = form.problems_of(result.refused, reader=request.user)
        status = 422 if all(isinstance(error, BadValue) for error in result.refused) else 409
        return record_page.refuse(request, row, problems, status=status, taken=len(result.taken))
    return record_page.respond_to_decisions(request, row, result.taken, form)


@allow(Role.REVIEWER, methods=("POST",))
def undo(request: PortalRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Undo a decision that is not yet part of a delivery."""
    decision = get_object_or_404(Decision.objects.select_related("field__record"), pk=decision_id)
    return _undo(request, decision.field.record, [decision_id], message="Undone.")


@allow(Role.REVIEWER, methods=("POST",))
def undo_last(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Undo the reader's last submit and show its edit; the undo key calls this from the page of any edit."""
    row = record_page.get_record(record_id)
    try:
        found = decisions.last_submit(request.user)
    except ReviewError as error:
        return record_page.inform(request, row, str(error))
    undone = found[0].field.record
    response = _undo(request, undone, [each.pk for each in found], message=f"{len(found)} undone.")
    if undone != row:
        response["HX-Push-Url"] = reverse("record", args=[undone.pk]) + record_page.queue_of(request).query
    return response


@allow(Role.REVIEWER, methods=("POST",))
def undo_group(request: PortalRequest, record_id: uuid.UUID, key: str) -> HttpResponse:
    """Undo the decisions of one group."""
    row = record_page.get_record(record_id)
    edit = record_page.present(request, record_page.queue_of(request, row))
    fields = next((group.undoable for group in edit.groups if group.key == key), [])
    ids = [field.outcome.undo for field in fields if field.outcome and field.outcome.undo]
    return _undo(request, row, ids, message="Undone.")


def _undo(request: PortalRequest, row: SyncRecord, ids: Collection[uuid.UUID], *, message: str) -> HttpResponse:
    def undo_all() -> None:
        for decision_id in ids:
            decisions.undo(decision_id, by=request.user)

    fields = SyncField.objects.filter(decisions__in=ids).values_list("pk", flat=True)
    return record_page.perform(request, row, undo_all, message=message, undone=frozenset(fields))


@allow(Role.REVIEWER, methods=("POST",))
def retry(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Deliver a failed decision again."""
    row = record_page.get_field(field_id).record
    return record_page.perform(
        request, row, partial(decisions.retry, field_id, by=request.user), message="Trying again."
    )


@allow(Role.REVIEWER, methods=("POST",))
def put_back(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Put back the value that an approval replaced."""
    return _follow_up(request, field_id, follow_ups.put_back, message="Putting the old value back.")


@allow(Role.REVIEWER, methods=("POST",))
def approve_after_all(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Approve a rejected value after all."""
    return _follow_up(request, field_id, follow_ups.approve_after_all, message="Approved after all.")


def _follow_up(
    request: PortalRequest, field_id: uuid.UUID, action: Callable[..., object], *, message: str
) -> HttpResponse:
    field = record_page.get_field(field_id)
    form = FollowUpForm(request.POST, field_id)
    if not form.is_valid():
        return record_page.refuse(request, field.record, {field.pk: form.problem}, status=422)
    write = partial(action, field_id, by=request.user, reason=form.cleaned_data["reason"])
    return record_page.perform(request, field.record, write, message=message)


@allow(Role.REVIEWER, methods=("POST",))
def read_again(request: PortalRequest, record_id: uuid.UUID) -> HttpResponse:
    """Read the live values; if the CRM does not answer, show the stored ones and their age."""
    row = record_page.get_record(record_id)
    found = live_values.refresh_if_answering([row.pk], crm=clients.crm())
    result = None if found is None else found.get(row.pk, RefreshResult())
    queue = record_page.queue_of(request, record_page.get_record(record_id))
    edit = record_page.present(request, queue).with_live_values(result)
    if not wants_part(request):
        if result is None:
            messages.error(request, live_values_problem())
        # No redirect: the contact's owner and company are not stored and would be lost.
        return record_page.render(request, "review/record.html", queue, edit, showing="record")
    if result is not None and result.gone_changed:
        response = record_page.render(request, "review/_record.html", queue, edit)
        response["HX-Retarget"], response["HX-Reswap"] = "#record", "outerHTML show:none"
        return response
    # If another page has read the new values first, this read finds no change, although this page is out of date.
    stale = {each.id for each in edit.decidable if request.POST.get(f"seen.{each.id}", each.seen) != each.seen}
    fields = edit.fields_with({*result.changed, *result.unreadable, *stale}) if result else []
    return record_page.render(request, "review/_read.html", queue, edit, fields=fields, groups=edit.groups_of(fields))


def live_values_problem() -> str:
    """Return why no live values were read just now."""
    return REFUSED if live_values.are_refused() else NO_ANSWER


def _polled_rows(request: PortalRequest, queue: QueuePresenter) -> HttpResponse:
    """Return the rows that were being written at the last poll; the page keeps the forms of the others."""
    being_written, not_read_back, with_message = (
        set(request.GET.get(name, "").split(",")) for name in ("live", "back", "told")
    )
    fields_of_edit = SyncField.objects.filter(record=queue.current) if with_message != {""} else ()
    decided = [field for field in fields_of_edit if str(field.pk) in with_message]
    message_of = context.already_decided_message
    problems: Problems = {field.pk: Problem(message_of(field, reader=request.user)) for field in decided}
    edit = record_page.present(request, queue, problems)
    fields = [field for field in edit.fields if str(field.id) in being_written | not_read_back]
    is_finished = any(not field.is_being_written for field in fields if str(field.id) in being_written)
    more: dict[str, Any] = {"fields": fields, "groups": edit.groups_of(fields), "is_finished": is_finished}
    return record_page.render(request, "review/_moved.html", queue, edit, **more)
