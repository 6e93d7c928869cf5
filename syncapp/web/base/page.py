"""What surrounds every page: where we are, what is wrong, how much waits; and the reader's own clock."""

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
from syncapp.health import Trouble, troubles
from syncapp.mirror import columns
from syncapp.models import Person
from syncapp.models.audit import Area
from syncapp.models.person import Role
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Tab
from syncapp.sync_filters.policies import job
from syncapp.web.base.access import PortalRequest
from syncapp.web.base.reader_formats import formats_of

REVIEW_ROLES = (Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR)
FILTER_ROLES = (Role.VIEWER, Role.FILTER_MANAGER, Role.ADMINISTRATOR)
TRAIL_ROLES = (*REVIEW_ROLES, Role.FILTER_MANAGER)


def open_area(person: Person) -> str:
    """The one area of the trail that he may see, '' for all: who only manages filters sees no contact's edits."""
    return "" if person.has_role(*REVIEW_ROLES) else Area.FILTER.value


class PageContext:
    """Answers that a template asks for or not: each costs its query once, and only when it is shown."""

    def __init__(self, person: Person | None) -> None:
        self.person = person

    @cached_property
    def troubles(self) -> list[Trouble]:
        """What the banner says; nobody reads it before signing in."""
        return troubles() if self.person else []

    @property
    def asks_time_zone(self) -> bool:
        """Return whether to ask for a time zone, because neither the reader nor their browser has given one."""
        return self.person is not None and not self.person.has_time_zone

    @cached_property
    def crm_is_connected(self) -> bool:
        return not any(trouble.kind.affects_crm for trouble in self.troubles)

    @cached_property
    def connection(self) -> tuple[str, str]:
        """Return the tone and the words for the connection at the top of the page."""
        if not self.crm_is_connected:
            return "bad", "CRM not connected"
        words = next((trouble.kind.connection for trouble in self.troubles if trouble.kind.connection), "")
        return ("warn", words) if words else ("", "CRM connected")

    @cached_property
    def may_see_review(self) -> bool:
        return self.person is not None and self.person.has_role(*REVIEW_ROLES)

    @cached_property
    def may_see_filters(self) -> bool:
        return self.person is not None and self.person.has_role(*FILTER_ROLES)

    @cached_property
    def may_see_trail(self) -> bool:
        return self.person is not None and self.person.has_role(*TRAIL_ROLES)

    @cached_property
    def asking_policies(self) -> int:
        """How many policies stopped themselves and wait for an answer."""
        return len(job.asking())

    @cached_property
    def counts(self) -> Mapping[Tab, int]:
        """How many edits each view of the queue has, but that of the decided."""
        return reads.count_tabs()

    @property
    def waiting(self) -> int:
        return self.counts[Tab.WAITING]


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what every template may use."""
    person = getattr(request, "user", None)
    signed_in = person if isinstance(person, Person) or getattr(person, "is_authenticated", False) else None
    return {
        "environment_name": settings.ENVIRONMENT_NAME,
        "around": PageContext(signed_in),
        "idle_seconds": round(settings.SESSION_IDLE_MINUTES * 60),
    }


class LocalTime:
    """Middleware: times and formats are those of the person who reads them; preferences and columns are read once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with (
            preferences.cached(),
            columns.cached(),
            formats_of(request),
        ):
            return self.get_response(request)


def wants_part(request: PortalRequest) -> bool:
    """Whether htmx asks for a part; on its way back through the history it needs the page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def answer(request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page or a part of it at the same address: caches must tell the two apart."""
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response
