"""The demo's pages: its tours, and its reset. They do not exist in a portal with a real CRM."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from syncapp import preferences
from syncapp.crm.errors import CrmError
from syncapp.demo import content
from syncapp.demo import tours as demo_tours
from syncapp.web.base.access import public, render_card


def tours_context() -> dict[str, Any]:
    """Return the context for the template of the tours."""
    return {
        "sandbox": settings.CRM_ORIGIN,
        "undo_seconds": preferences.read().undo_window,
        "tours": demo_tours.progress(),
    }


@public()
def tours(request: HttpRequest) -> HttpResponse:
    """Show the tours, with the steps that have been done."""
    if not settings.DEMO:
        raise Http404
    return render_card(request, "sign_in/tours.html", **tours_context())


@public(methods=("GET", "POST"))
def start_over(request: HttpRequest) -> HttpResponse:
    """Reset the demo, or ask for confirmation first."""
    if not settings.DEMO:
        raise Http404
    if request.method != "POST":
        return render_card(request, "sign_in/start_over.html")
    request.session.flush()
    try:
        content.start_over()
    except CrmError:
        return render_card(request, "sign_in/start_over.html", status=503, sandbox_is_away=True)
    return redirect(f"{reverse('sign_in')}?started=over")
