"""Lists of users: brought as text or a file, shown with what of them means nobody, replaced, deleted."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.models import UserList
from syncapp.models.folding import by_name
from syncapp.models.person import Role
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists as lists
from syncapp.sync_filters.runs import named_users
from syncapp.text.localization import number
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page

_WRITERS = (Role.FILTER_MANAGER, Role.ADMINISTRATOR)


@allow(*FILTER_ROLES)
def user_lists(request: PortalRequest) -> HttpResponse:
    """All lists, and the form for another."""
    return _all(request)


@allow(*FILTER_ROLES)
def user_list(request: PortalRequest, list_id: uuid.UUID) -> HttpResponse:
    """One list."""
    return _one(request, get_object_or_404(UserList.objects.select_related("changed_by"), pk=list_id))


@allow(*_WRITERS, methods=("POST",))
def save_list(request: PortalRequest) -> HttpResponse:
    """Keep a list under its name, replacing the one that has it. What was typed is never lost."""
    try:
        found = named_users.find(_brought(request))
        if found.unread and not found.texts:
            raise NotPossible(f"No entry was read. {found.unread[0]}")
        kept = lists.save(
            request.POST.get("name", ""),
            found.texts,
            by=request.user,
            brings_appointments="brings_appointments" in request.POST,
        )
    except NotPossible as problem:
        typed = {"name": request.POST.get("name", ""), "text": request.POST.get("text", ""), "problem": str(problem)}
        return _all(request, typed=typed, status=422)
    messages.success(request, f"The list {kept.name} holds {number(kept.entries_count)} entries now.")
    for note in found.notes:
        messages.info(request, note)
    if found.unread:
        messages.warning(request, named_users.unread_words(found.unread))
    return HttpResponseRedirect(reverse("user_list", args=[kept.pk]), status=303)


def _brought(request: PortalRequest) -> str:
    upload = request.FILES.get("file")
    if upload is None:
        return request.POST.get("text", "")
    return lists.read_text(upload.read(lists.MOST_BYTES + 1))


@allow(*_WRITERS, methods=("POST",))
def delete_list(request: PortalRequest, list_id: uuid.UUID) -> HttpResponse:
    """Forget a list."""
    kept = get_object_or_404(UserList, pk=list_id)
    lists.delete(kept, by=request.user)
    messages.success(request, f"The list {kept.name} is gone; nobody is counted by it any more.")
    return HttpResponseRedirect(reverse("user_lists"), status=303)


def _all(request: PortalRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    found = [(each, lists.unmatched_count(each)) for each in by_name(UserList.objects.select_related("changed_by"))]
    return _page(request, "filters/user_lists.html", status=status, lists=found, **context)


def _one(request: PortalRequest, kept: UserList) -> HttpResponse:
    unmatched = lists.unmatched_count(kept)
    return _page(
        request,
        "filters/user_list.html",
        list=kept,
        unmatched_count=unmatched,
        matched_count=kept.entries_count - unmatched,
        unmatched=lists.unmatched(kept),
    )


def _page(request: PortalRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    around = {
        "section": "filters",
        "tab": "lists",
        "around": PageContext(request.user),
        "may_write": request.user.has_role(*_WRITERS),
    }
    return render_page(request, template, around | context, status=status)
