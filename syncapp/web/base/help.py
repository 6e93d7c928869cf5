"""The help page: what the portal is for, how to begin, and what changed."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse

from syncapp.models.person import Role
from syncapp.text import changelog
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import render_page


@allow(*Role)
def help_page(request: PortalRequest) -> HttpResponse:
    """Show how to use the portal, its version, and the newest changes if the changelog was installed with it."""
    path = settings.BASE_DIR / "CHANGELOG.md"
    name, sections = changelog.newest_release(path.read_text(encoding="utf-8")) if path.exists() else ("", [])
    context = {"section": "help", "release": name, "changes": sections}
    return render_page(request, "base/help_page.html", context)
