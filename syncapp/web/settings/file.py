"""The settings as a file: taken out, compared, applied after one has seen what changes."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from syncapp import settings_file as files
from syncapp.models.person import Role
from syncapp.settings_file import BadFile, MovedMeanwhile
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.pages import saved, settings_page


@allow(Role.ADMINISTRATOR)
def settings_file(request: PortalRequest) -> HttpResponse:
    """Take the settings out, or bring a file."""
    return _page(request)


@allow(Role.ADMINISTRATOR)
def settings_export(request: PortalRequest) -> HttpResponse:
    """The settings, as a file to keep."""
    name = f"outlook-sync-settings-{timezone.localdate():%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(files.export(), content_type="application/json; charset=utf-8", headers=headers)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_compare(request: PortalRequest) -> HttpResponse:
    """Show what a file would change; nothing is changed by looking."""
    try:
        text = _uploaded(request)
        return _page(request, text=text, comparison=files.compare(text))
    except BadFile as error:
        return _page(request, problem=error, status=422)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_apply(request: PortalRequest) -> HttpResponse:
    """Take over the file that was compared."""
    text = request.POST.get("text", "")
    try:
        count = files.apply(text, seen=request.POST.get("seen", ""), by=request.user)
    except BadFile as error:
        return _page(request, problem=error, status=422)
    except MovedMeanwhile:
        return _page(request, text=text, comparison=files.compare(text), moved=True, status=409)
    return saved(request, "settings_file", f"{count} change{'' if count == 1 else 's'} taken over.")


def _uploaded(request: PortalRequest) -> str:
    upload = request.FILES.get("file")
    if upload is None:
        raise BadFile("the file", "Choose a file first.")
    if (upload.size or 0) > files.MOST_BYTES:
        raise BadFile("the file", f"It is larger than {files.MOST_BYTES // 1000} kB.")
    try:
        return str(upload.read(), "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("the file", "It is not UTF-8 text.") from error


def _page(request: PortalRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    return settings_page(request, "file", section="settings_file", status=status, **context)
