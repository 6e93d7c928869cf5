"""The page of signing users and programs: the list, and the search that adds to it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from syncapp.capture import brakes, identity_editing
from syncapp.capture.errors import SwitchRefused
from syncapp.models import Capture, CaptureIdentity, FilterUser
from syncapp.models.person import Role
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.forms import CaptureIdentityForm
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page

PAGE, SECTION = "settings_capture_identities", "settings_capture"
MAX_SEARCH_LENGTH = 200
_ADDED_MESSAGES: dict[str, str] = {
    CaptureIdentity.Kind.SYNCHRONIZATION: "Nothing is restored until the check has seen this signature on your edit.",
    CaptureIdentity.Kind.PROGRAM: "Its later changes are let through.",
}


@allow(Role.ADMINISTRATOR)
def settings_capture_identities(request: PortalRequest) -> HttpResponse:
    """Show the list, and the users of the CRM that a search finds."""
    text = request.GET.get("q", "").strip()[:MAX_SEARCH_LENGTH]
    rows = identity_editing.all_identities()
    found = identity_editing.find_users(text)
    context: dict[str, Any] = {
        "rows": [(row, identity_editing.is_named_by_setting(row)) for row in rows],
        "listed": {row.pk for row in rows},
        "q": text,
        "found": found[: identity_editing.MAX_FOUND],
        "has_more": len(found) > identity_editing.MAX_FOUND,
        "will_pause": _is_running(),
    }
    return render_settings_page(request, "capture_identities", section=SECTION, **context)


@allow(Role.ADMINISTRATOR, methods=("GET", "POST"))
def settings_capture_identity_add(request: PortalRequest, user_id: UUID) -> HttpResponse:
    """Explain the effect of adding a user, and add them."""
    form = CaptureIdentityForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = identity_editing.add(user_id, form.cleaned_data["kind"], by=request.user)
        except SwitchRefused as error:
            form.refuse("", error.message)
        else:
            return redirect_with_success(request, PAGE, f"{added} is listed now. {_ADDED_MESSAGES[added.kind]}")
    user = get_object_or_404(FilterUser, pk=user_id)
    context = {"crm_user": user, "form": form, "kinds": CaptureIdentity.Kind, "will_pause": _is_running()}
    status = 422 if form.errors else 200
    return render_settings_page(request, "capture_identity_add", section=SECTION, status=status, **context)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_capture_identity_remove(request: PortalRequest, user_id: UUID) -> HttpResponse:
    """Remove a user from the list."""
    try:
        removed = identity_editing.remove(user_id, by=request.user)
    except SwitchRefused as error:
        return redirect_with_error(request, PAGE, error.message)
    return redirect_with_success(request, PAGE, f"{removed} is removed.")


def _is_running() -> bool:
    return Capture.objects.filter(slot=1, mode__in=brakes.RUNNING).exists()
