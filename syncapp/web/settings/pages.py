"""The frame of the settings pages, and the pages "Review" and "Mails and backlog"."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from syncapp import preferences
from syncapp.mirror import columns
from syncapp.models.person import Role
from syncapp.notifications import sending
from syncapp.outbox import messages as outbox
from syncapp.preferences import BadSetting
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import render_page
from syncapp.web.settings.forms import BacklogForm, DecidingForm, GroupsForm, MailsForm, ReasonsForm, SettingsForm

MAX_FAILED_MAILS = 50
SECTIONS = (
    ("settings_review", "Review"),
    ("settings_rules", "Rules"),
    ("settings_capture", "Capture"),
    ("settings_people", "People"),
    ("settings_mails", "Mails and backlog"),
    ("settings_connection", "Connection"),
    ("settings_file", "File"),
)
FORMS: dict[str, dict[str, type[SettingsForm]]] = {
    "settings_review": {"deciding": DecidingForm, "reasons": ReasonsForm, "groups": GroupsForm},
    "settings_mails": {"mails": MailsForm, "backlog": BacklogForm},
}


def render_settings_page(
    request: PortalRequest, template: str, *, section: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a settings page with links to the others."""
    frame = {"section": "settings", "sections": SECTIONS, "here": section}
    return render_page(request, f"settings/{template}.html", frame | context, status=status)


def redirect_with_success(
    request: PortalRequest, page: str, message: str = "Saved.", *arguments: Any, anchor: str = ""
) -> HttpResponse:
    """Redirect to the page or its element `anchor`, and show that the operation succeeded."""
    messages.success(request, message)
    return HttpResponseRedirect(reverse(page, args=arguments) + (f"#{anchor}" if anchor else ""), status=303)


def redirect_with_error(request: PortalRequest, page: str, message: str, *arguments: Any) -> HttpResponse:
    """Redirect to the page and show why nothing was changed."""
    messages.error(request, message)
    return HttpResponseRedirect(reverse(page, args=arguments), status=303)


@allow(Role.ADMINISTRATOR)
def settings_review(request: PortalRequest) -> HttpResponse:
    """Show the review settings: undo window, reasons, groups."""
    return _page(request, "settings_review")


@allow(Role.ADMINISTRATOR)
def settings_mails(request: PortalRequest) -> HttpResponse:
    """Show the mail and backlog settings, and the mails that failed."""
    return _page(request, "settings_mails")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_change(request: PortalRequest) -> HttpResponse:
    """Save a form of the page "Review" or "Mails and backlog"."""
    part = request.POST.get("part", "")
    page = next((page for page, forms in FORMS.items() if part in forms), None)
    if page is None:
        raise Http404
    form = FORMS[page][part](request.POST)
    if form.is_valid():
        try:
            preferences.change(by=request.user, **form.cleaned_data)
            return redirect_with_success(request, page)
        except BadSetting as error:
            form.refuse(error.place, str(error))
    return _page(request, page, status=422, **{part: form})


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_test_mail(request: PortalRequest) -> HttpResponse:
    """Send a test mail to the administrator."""
    if outbox.queue("test", to=request.user) is None:
        message = "No test mail was sent: no mail service is configured, or your account has no e-mail address."
        return redirect_with_error(request, "settings_mails", message)
    return redirect_with_success(request, "settings_mails", f"A test mail to {request.user.address} is on its way.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_retry_mail(request: PortalRequest, message_id: UUID) -> HttpResponse:
    """Send a failed mail again."""
    if not sending.retry(message_id, by=request.user):
        return redirect_with_error(request, "settings_mails", "This mail is no longer waiting for a retry.")
    return redirect_with_success(request, "settings_mails", "The mail is being sent again.")


def _page(request: PortalRequest, page: str, *, status: int = 200, **invalid: SettingsForm) -> HttpResponse:
    values = preferences.stored()
    context = {
        "values": values,
        "rules": preferences.read(),
        "known": sorted(columns.labels("contact").items()),
        "forms": {name: form(initial=values) for name, form in FORMS[page].items()} | invalid,
    }
    if page == "settings_mails":
        failed = sending.failed_messages()
        context |= {"failed_mails": failed[:MAX_FAILED_MAILS], "failed_count": failed.count()}
    return render_settings_page(request, page.removeprefix("settings_"), section=page, status=status, **context)
