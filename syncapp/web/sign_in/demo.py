"""The demo's page that resets everything; it does not exist in a portal with a real CRM."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from syncapp.crm.errors import CrmError
from syncapp.demo import content
from syncapp.web.base.access import card, public


@public(methods=("GET", "POST"))
def start_over(request: HttpRequest) -> HttpResponse:
    """Reset the demo, or ask for confirmation first."""
    if not settings.DEMO:
        raise Http404
    if request.method != "POST":
        return card(request, "sign_in/start_over.html")
    request.session.flush()
    try:
        content.start_over()
    except CrmError:
        return card(request, "sign_in/start_over.html", status=503, sandbox_is_away=True)
    return redirect(f"{reverse('sign_in')}?started=over")
