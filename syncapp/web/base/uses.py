"""Middleware that notes which pages people have open, so that the CRM is read more often in the meantime."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from syncapp.mirror import uses
from syncapp.mirror.uses import Use

_USES = {"review": Use.QUEUE, "filters": Use.FILTERS}  # by the first part of the route


class NoteUses:
    """Middleware that notes answered requests of the review and filter pages, including the pages' automatic requests.

    Open pages send requests every few seconds until SESSION_IDLE_MINUTES ends their session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        use = _USES.get(match.route.partition("/")[0]) if match else None
        if use and response.status_code < 300 and request.user.is_authenticated:
            with suppress(DatabaseError):  # the page is ready, and the next request notes it
                uses.note(use)
        return response
