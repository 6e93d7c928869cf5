"""Limits of sessions: 8 hours after signing in, or a time without activity."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from syncapp.web.base.access import SESSION_OVER, SIGNED_IN_AT

SESSION_SECONDS = 8 * 3600
ACTIVE_AT = "active_at"
RECORD_EVERY = 60  # seconds; not every request writes the session
BY_ITSELF = "HTTP_BY_ITSELF"  # the header by which our scripts mark automatic requests


class Over(StrEnum):
    """The reason why a session ended."""

    AGE = "age"
    IDLE = "idle"
    OTHER = "other"


class SessionLimits:
    """Middleware that ends expired sessions and those of deactivated people, and keeps pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if SESSION_KEY in request.session:
            over = _reason_to_end(request)
            if over:
                logout(request)
                setattr(request, SESSION_OVER, over.value)
            elif BY_ITSELF not in request.META and time.time() - _active_at(request) > RECORD_EVERY:
                request.session[ACTIVE_AT] = time.time()
        response = self.get_response(request)
        response.headers["Cache-Control"] = "no-store"
        return response


def _reason_to_end(request: HttpRequest) -> Over | None:
    signed_in = float(request.session.get(SIGNED_IN_AT, 0))
    if not request.user.is_authenticated or not signed_in:
        return Over.OTHER
    if time.time() - signed_in > SESSION_SECONDS:
        return Over.AGE
    return Over.IDLE if time.time() - _active_at(request) > settings.SESSION_IDLE_MINUTES * 60 else None


def _active_at(request: HttpRequest) -> float:
    return float(request.session.get(ACTIVE_AT, request.session.get(SIGNED_IN_AT, 0)))
