"""Layout context of every page, its rendering, and middleware for the reader's time zone and formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from syncapp import preferences
from syncapp.health import Trouble, kinds, troubles
from syncapp.health.kind import Kind
from syncapp.mirror import columns
from syncapp.models import FilterPolicy, FilterRun, FilterUser, Person
from syncapp.models.audit import Area
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import RunState
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Tab
from syncapp.web.base.access import PortalRequest
from syncapp.web.base.reader_formats import activate_formats

REVIEW_ROLES = (Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR)
FILTER_ROLES = (Role.VIEWER, Role.FILTER_MANAGER, Role.ADMINISTRATOR)
AUDIT_ROLES = (*REVIEW_ROLES, Role.FILTER_MANAGER)


def visible_area(person: Person) -> str:
    """Return the one area of the audit log that `person` may see, '' for all; filter managers see no edits."""
    return "" if person.has_role(*REVIEW_ROLES) else Area.FILTER.value


class PageContext:
    """Lazily computed values for the base template; each query runs at most once, and only if the value is used."""

    def __init__(self, person: Person | None) -> None:
        self.person = person

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Return the troubles for the banner; pages without a signed-in reader have none."""
        return troubles() if self.person else []

    @property
    def asks_time_zone(self) -> bool:
        """Return whether to ask for a time zone because neither the reader nor their browser has set one."""
        return self.person is not None and not self.person.has_time_zone

    @cached_property
    def crm_is_connected(self) -> bool:
        return not any(trouble.kind.affects_crm for trouble in self.troubles)

    @cached_property
    def connection(self) -> tuple[str, str]:
        """Return the tone and the words for the connection in the top bar."""
        worst = next((trouble.kind for trouble in self.troubles if trouble.kind.affects_crm), None)
        if worst is not None:
            return "bad", worst.connection or "CRM not connected"
        words = next((trouble.kind.connection for trouble in self.troubles if trouble.kind.connection), "")
        return ("warn", words) if words else ("", "CRM connected")

    @cached_property
    def edits_arrive(self) -> bool:
        """Return whether new edits can be read: no known trouble with the CRM prevents it."""
        return not self._is_caused_by_crm(kinds.PULL)

    @cached_property
    def users_are_read(self) -> bool:
        """Return whether users and filters can be read: no known trouble with the CRM prevents it."""
        return not self._is_caused_by_crm(kinds.INVENTORY)

    def _is_caused_by_crm(self, symptom: Kind) -> bool:
        """Return whether a trouble with the CRM is this symptom or has hidden it as its cause."""
        crm_kinds = [trouble.kind for trouble in self.troubles if trouble.kind.affects_crm]
        return any(kind is symptom or symptom.code in kind.hides for kind in crm_kinds)

    @cached_property
    def may_see_review(self) -> bool:
        return self.person is not None and self.person.has_role(*REVIEW_ROLES)

    @cached_property
    def may_see_filters(self) -> bool:
        return self.person is not None and self.person.has_role(*FILTER_ROLES)

    @cached_property
    def may_see_activity(self) -> bool:
        return self.person is not None and self.person.has_role(*AUDIT_ROLES)

    @cached_property
    def policies_needing_decision(self) -> int:
        """Return how many policies have stopped and need a decision."""
        return FilterPolicy.objects.needing_decision().count()

    @cached_property
    def users_synced_twice(self) -> int:
        """Return how many users' appointments reach Outlook twice."""
        return FilterUser.objects.people().filter(paths=SyncPaths.TWICE).count()

    @cached_property
    def running_runs(self) -> int:
        """Return how many runs are switching users now."""
        return FilterRun.objects.filter(state=RunState.RUNNING).count()

    @cached_property
    def counts(self) -> Mapping[Tab, int]:
        """Return the number of edits on each tab of the queue except "Decided"."""
        return reads.count_tabs()

    @property
    def waiting(self) -> int:
        return self.counts[Tab.WAITING]


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Provide the variables of every template (a context processor)."""
    person = getattr(request, "user", None)
    signed_in = person if isinstance(person, Person) or getattr(person, "is_authenticated", False) else None
    return {
        "environment_name": settings.ENVIRONMENT_NAME,
        "version": settings.VERSION,
        "is_demo": settings.DEMO,
        "page_context": PageContext(signed_in),
        "idle_seconds": round(settings.SESSION_IDLE_MINUTES * 60),
    }


class LocalTime:
    """Middleware that activates the reader's time zone and formats, and caches preferences and columns per request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with preferences.cached(), columns.cached(), activate_formats(request):
            return self.get_response(request)


def wants_part(request: PortalRequest) -> bool:
    """Return whether htmx requests a part of the page; it needs the whole page to restore its history."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def render_page(request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a page or a part of it; `Vary` keeps the two apart in caches, as they share their address."""
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response
