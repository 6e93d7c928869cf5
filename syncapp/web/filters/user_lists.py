"""Lists of users: saved from text or a file, shown with their unmatched entries, replaced, deleted."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
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
from syncapp.sync_filters.runs.named_users import NamedUsers
from syncapp.text.localization import number
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters.plan_form import PageForm

_WRITE_ROLES = (Role.FILTER_MANAGER, Role.ADMINISTRATOR)


class UserListForm(PageForm):
    """The form of a list; once it is valid, `found` holds the people that its text or file names."""

    name = forms.CharField(required=False)
    text = forms.CharField(required=False)
    file = forms.FileField(required=False, allow_empty_file=True)
    brings_appointments = forms.BooleanField(required=False)

    found: NamedUsers

    def clean(self) -> None:
        if not self.cleaned_data["name"]:
            self.add_error("name", "Give the list a name, for example the name of the product.")
        upload = self.cleaned_data.get("file")
        field = "file" if upload else "text"
        try:
            text = lists.read_text(upload.read(lists.MAX_BYTES + 1)) if upload else self.cleaned_data["text"]
            self.found = named_users.find(text)
        except NotPossible as problem:
            self.add_error(field, str(problem))
            return
        if self.found.unread and not self.found.texts:
            self.add_error(field, f"No entry was read. {self.found.unread[0]}")
        elif not self.found.texts:
            self.add_error(field, "The list is empty. Paste or upload addresses, logins or full names.")


@allow(*FILTER_ROLES)
def user_lists(request: PortalRequest) -> HttpResponse:
    """Show all lists, and the form for a new one."""
    return _list_page(request, UserListForm())


@allow(*FILTER_ROLES)
def user_list(request: PortalRequest, list_id: uuid.UUID) -> HttpResponse:
    """Show one list with its unmatched entries, and the form that replaces it."""
    shown = get_object_or_404(UserList.objects.select_related("changed_by"), pk=list_id)
    unmatched = lists.count_unmatched(shown)
    return _page(
        request,
        "filters/user_list.html",
        list=shown,
        form=UserListForm(),
        unmatched_count=unmatched,
        matched_count=shown.entries_count - unmatched,
        unmatched=lists.unmatched_entries(shown),
    )


@allow(*_WRITE_ROLES, methods=("POST",))
def save_list(request: PortalRequest) -> HttpResponse:
    """Save a list under its name, replacing a list of the same name."""
    form = UserListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    name, brings = form.cleaned_data["name"], form.cleaned_data["brings_appointments"]
    try:
        saved = lists.save(name, form.found.texts, by=request.user, brings_appointments=brings)
    except NotPossible as problem:
        form.add_error(None, str(problem))
        return _list_page(request, form, status=422)
    entries = saved.entries_count
    messages.success(request, f"List {saved.name} saved with {number(entries)} entr{'y' if entries == 1 else 'ies'}.")
    for note in form.found.notes:
        messages.info(request, note)
    if form.found.unread:
        messages.warning(request, named_users.describe_unread(form.found.unread))
    return HttpResponseRedirect(reverse("user_list", args=[saved.pk]), status=303)


@allow(*_WRITE_ROLES, methods=("POST",))
def delete_list(request: PortalRequest, list_id: uuid.UUID) -> HttpResponse:
    """Delete a list."""
    deleted = get_object_or_404(UserList, pk=list_id)
    lists.delete(deleted, by=request.user)
    messages.success(request, f"List {deleted.name} deleted; the Risk page no longer uses it.")
    return HttpResponseRedirect(reverse("user_lists"), status=303)


def _list_page(request: PortalRequest, form: UserListForm, *, status: int = 200) -> HttpResponse:
    found = [(each, lists.count_unmatched(each)) for each in by_name(UserList.objects.select_related("changed_by"))]
    return _page(request, "filters/user_lists.html", status=status, lists=found, form=form)


def _page(request: PortalRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    frame = {
        "section": "filters",
        "tab": "lists",
        "page_context": PageContext(request.user),
        "may_write": request.user.has_role(*_WRITE_ROLES),
    }
    return render_page(request, template, frame | context, status=status)
