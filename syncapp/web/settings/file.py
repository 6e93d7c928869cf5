"""The settings as a file: export, comparison with the current settings, import."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from syncapp import settings_file as files
from syncapp.models.person import Role
from syncapp.settings_file import BadFile, SettingsChanged
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.forms import FileForm
from syncapp.web.settings.pages import redirect_with_success, render_settings_page


@allow(Role.ADMINISTRATOR)
def settings_file(request: PortalRequest) -> HttpResponse:
    """Show the export and the form for an import."""
    return _page(request, form=FileForm())


@allow(Role.ADMINISTRATOR)
def settings_export(request: PortalRequest) -> HttpResponse:
    """Download the settings."""
    name = f"outlook-sync-settings-{timezone.localdate():%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(files.export(), content_type="application/json; charset=utf-8", headers=headers)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_compare(request: PortalRequest) -> HttpResponse:
    """Show what importing a file would change, without changing anything."""
    form = FileForm(request.POST, request.FILES)
    if form.is_valid():
        text = form.cleaned_data["file"]
        try:
            return _page(request, text=text, comparison=files.compare(text))
        except BadFile as error:
            form.refuse("file", f"{error} ({error.place})")
    return _page(request, form=form, status=422)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_apply(request: PortalRequest) -> HttpResponse:
    """Import the file that was compared."""
    text = request.POST.get("text", "")
    try:
        count = files.apply(text, seen=request.POST.get("seen", ""), by=request.user)
    except BadFile as error:
        form = FileForm({}, {})
        form.refuse("", f"{error} ({error.place})")
        return _page(request, form=form, status=422)
    except SettingsChanged:
        return _page(request, text=text, comparison=files.compare(text), moved=True, status=409)
    return redirect_with_success(request, "settings_file", f"{count} change{'' if count == 1 else 's'} imported.")


def _page(request: PortalRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    return render_settings_page(request, "file", section="settings_file", status=status, **context)
