"""The page of the CRM connection: permission to write, connection test, stop switch."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse

from syncapp import health
from syncapp.capture import failures
from syncapp.connection import clients, credentials, usage
from syncapp.connection.clients import WrongOrganization
from syncapp.crm.errors import CrmError
from syncapp.health import clocks, kinds
from syncapp.jobs import breakers
from syncapp.mirror import uses
from syncapp.mirror.edits import contact_columns
from syncapp.mirror.filters import schedule
from syncapp.models import Breaker, Connection, FilterPolicy, UnreadableRow
from syncapp.models.person import Role
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Tab
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.forms import StopForm
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page

PAGE = "settings_connection"
MAX_UNREADABLE = MAX_FAILED_EDITS = 100
_MESSAGES = {
    ("review", True): "Reviewed values are written to the CRM from now on.",
    ("review", False): "Reviewed values are no longer written. Decisions are saved.",
    ("filters", True): "Filters can be switched from now on.",
    ("filters", False): "Filters are no longer switched.",
}
_FAILED_EDITS = {
    "retry": (
        failures.retry,
        "{number:,} {edits} will be read and staged again.",
        "None of these edits can be retried.",
    ),
    "leave": (failures.leave_in_crm, "{number:,} {edits} left in the CRM.", "No edits are waiting here anymore."),
}


@allow(Role.ADMINISTRATOR)
def settings_connection(request: PortalRequest) -> HttpResponse:
    """Show the connected CRM, the kinds of writing that are allowed, and those that are stopped."""
    return _page(request)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_writes(request: PortalRequest) -> HttpResponse:
    """Allow or forbid one kind of writing."""
    kind, action = request.POST.get("kind", ""), request.POST.get("do", "")
    if kind not in clients.WRITES or action not in ("enable", "forbid"):
        raise Http404
    clients.set_writes_allowed(kind, allowed=action == "enable", by=request.user)
    return redirect_with_success(request, PAGE, _MESSAGES[kind, action == "enable"])


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_stop(request: PortalRequest) -> HttpResponse:
    """Stop all CRM writes; the banner on every page shows the reason."""
    form = StopForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    if not breakers.stop_writes(reason=form.cleaned_data["reason"], by=request.user):
        return redirect_with_error(request, PAGE, "All CRM writes are already stopped.")
    return redirect_with_success(request, PAGE, "All CRM writes are stopped. Decisions are saved and written later.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_resume(request: PortalRequest) -> HttpResponse:
    """Resume CRM writes."""
    if not breakers.resume_writes(by=request.user):
        return redirect_with_error(request, PAGE, "CRM writes were not stopped.")
    return redirect_with_success(request, PAGE, "CRM writes have resumed. Waiting decisions are being written.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_probe(request: PortalRequest) -> HttpResponse:
    """Test whether the CRM answers and is the mirrored one; have the next job retry refused operations."""
    started = time.monotonic()
    try:
        clients.check_organization(clients.crm().who_am_i().organization_id)
    except WrongOrganization:
        return redirect_with_error(request, PAGE, "The CRM answered, but it is not the organization mirrored here.")
    except CrmError as error:
        return redirect_with_error(request, PAGE, f"The connection failed: {error}")
    breakers.make_probes_due()
    milliseconds = (time.monotonic() - started) * 1000
    return redirect_with_success(
        request, PAGE, f"The CRM answered in {milliseconds:.0f} ms. It is the expected organization."
    )


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_failed_edits(request: PortalRequest) -> HttpResponse:
    """Retry the edits that could not be staged, or leave them in the CRM."""
    action = request.POST.get("do", "")
    if action not in _FAILED_EDITS:
        raise Http404
    change, done, nothing = _FAILED_EDITS[action]
    number = change(by=request.user)
    if not number:
        return redirect_with_error(request, PAGE, nothing)
    return redirect_with_success(request, PAGE, done.format(number=number, edits="edit" if number == 1 else "edits"))


def _usage() -> dict[str, Any]:
    """Return how many operations were sent to the CRM, and how often it is read."""
    today, minutes = usage.of_day() or 0, schedule.interval() / 60
    idle = settings.PULL_IDLE_SECONDS
    return {
        "today": today,
        "percent": round(100 * today / settings.CRM_DAILY_ALLOWANCE),
        "yesterday": usage.of_day(days_ago=1),
        "allowance": settings.CRM_DAILY_ALLOWANCE,
        "pull_interval": uses.pull_interval(),
        "idle_interval": idle if idle > settings.PULL_SECONDS else None,
        "inventory_interval": f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h",
        "new_users_minutes": schedule.NEW_USERS_SECONDS / 60 if FilterPolicy.objects.comparing().exists() else None,
    }


def _page(request: PortalRequest, *, status: int = 200, form: StopForm | None = None) -> HttpResponse:
    tripped, failed_edits = breakers.all_open(), failures.failed_entries()
    context: dict[str, Any] = {
        "crm": Connection.objects.first(),
        "breakers": [(breaker, kinds.kind_of_breaker(breaker.name)) for breaker in tripped],
        "lacking": contact_columns.missing(reads.changed_columns(Tab.WAITING)),
        "stopped": next((breaker for breaker in tripped if breaker.name == Breaker.Name.OPERATOR_STOP), None),
        "pull_age": health.pulled_at(),
        "worker": health.worker_answered_at(),
        "clocks": clocks.recently_measured(),
        "max_clock_seconds": clocks.MAX_SECONDS,
        "form": form or StopForm(),
        "unreadable": UnreadableRow.objects.order_by("first_seen_at", "pk")[:MAX_UNREADABLE],
        "unreadable_count": health.count_unreadable_rows(),
        "failed_edits": failed_edits[:MAX_FAILED_EDITS],
        "failed_edits_count": failed_edits.count(),
        "usage": _usage(),
        "credential_ends": credentials.expiries(),
    }
    return render_settings_page(request, "connection", section=PAGE, status=status, **context)
