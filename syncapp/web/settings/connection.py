"""The connection to the CRM: what may be written, whether it answers, and the stop switch."""

from __future__ import annotations

import time
from typing import Any

from django.http import Http404, HttpResponse

from syncapp import health
from syncapp.connection import clients
from syncapp.connection.clients import WrongOrganization
from syncapp.crm.errors import CrmError
from syncapp.health import clocks
from syncapp.jobs import breakers
from syncapp.models import Breaker, Connection, UnreadableRow
from syncapp.models.person import Role
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.pages import refused, saved, settings_page

PAGE = "settings_connection"
LONGEST_REASON = 300
MOST_UNREADABLE = 100
_SAID = {
    ("review", True): "Reviewed values are written to CRM from now on.",
    ("review", False): "Reviewed values are no longer written. Decisions are kept.",
    ("filters", True): "Filters may be switched from now on.",
    ("filters", False): "Filters are no longer switched.",
}


@allow(Role.ADMINISTRATOR)
def settings_connection(request: PortalRequest) -> HttpResponse:
    """Which CRM it is, what may be written to it, what is stopped."""
    return _page(request)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_writes(request: PortalRequest) -> HttpResponse:
    """Enable or forbid one kind of writing."""
    kind, wish = request.POST.get("kind", ""), request.POST.get("do", "")
    if kind not in clients.WRITES or wish not in ("enable", "forbid"):
        raise Http404
    clients.allow_writes(kind, allowed=wish == "enable", by=request.user)
    return saved(request, PAGE, _SAID[kind, wish == "enable"])


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_stop(request: PortalRequest) -> HttpResponse:
    """Stop all CRM writes, with the reason that everybody reads."""
    reason = request.POST.get("reason", "").strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        why = f"Say why, in 1 to {LONGEST_REASON} characters: everybody reads it in the banner."
        return _page(request, problem=why, typed=reason, status=422)
    if not breakers.stop_writes(reason=reason, by=request.user):
        return refused(request, PAGE, "All CRM writes were stopped already.")
    return saved(request, PAGE, "All CRM writes are stopped. Decisions are kept and written later.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_resume(request: PortalRequest) -> HttpResponse:
    """Go on writing."""
    if not breakers.resume_writes(by=request.user):
        return refused(request, PAGE, "CRM writes were not stopped.")
    return saved(request, PAGE, "CRM writes go on. What waited is written now.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_probe(request: PortalRequest) -> HttpResponse:
    """Ask the CRM who it is, now."""
    started = time.monotonic()
    try:
        clients.check_organization(clients.crm().who_am_i().organization_id)
    except WrongOrganization:
        return refused(request, PAGE, "CRM answered, but it is another organization than the one mirrored here.")
    except CrmError as error:
        return refused(request, PAGE, f"CRM did not answer as it should: {error}")
    return saved(request, PAGE, f"CRM answered in {(time.monotonic() - started) * 1000:.0f} ms: it is the same one.")


def _page(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    closed = breakers.all_open()
    context = {
        "crm": Connection.objects.first(),
        "gates": [(breaker, _words(breaker)) for breaker in closed],
        "stopped": next((breaker for breaker in closed if breaker.name == Breaker.Name.OPERATOR_STOP), None),
        "pull_age": health.pulled_at(),
        "worker": health.worker_answered_at(),
        "clocks": clocks.recent(),
        "most_seconds": clocks.MAX_SECONDS,
        "longest": LONGEST_REASON,
        "unreadable": UnreadableRow.objects.order_by("first_seen_at", "pk")[:MOST_UNREADABLE],
        "unreadable_count": health.unreadable_rows(),
        **more,
    }
    return settings_page(request, "connection", section=PAGE, status=status, **context)


def _words(breaker: Breaker) -> str:
    return Breaker.Name(breaker.name).label if breaker.name in Breaker.Name.values else breaker.name
