"""How long a session lasts: 8 hours from signing in, and only while its person does something."""

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
NOTED_EVERY = 60  # seconds: not every request writes the session
BY_ITSELF = "HTTP_BY_ITSELF"  # our scripts mark what a page asks without its person


class Over(StrEnum):
    """Why a session ended."""

    AGE = "age"
    IDLE = "idle"
    OTHER = "other"


class SessionLimits:
    """Ends sessions that are over, and those of people who were deactivated; keeps pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if SESSION_KEY in request.session:
            over = _why_over(request)
            if over:
                logout(request)
                setattr(request, SESSION_OVER, over.value)
            else:
                _note_activity(request)
        response = self.get_response(request)
        response.headers["Cache-Control"] = "no-store"
        return response


def _why_over(request: HttpRequest) -> Over | None:
    signed_in = float(request.session.get(SIGNED_IN_AT, 0))
    if not request.user.is_authenticated or not signed_in:
        return Over.OTHER
    if time.time() - signed_in > SESSION_SECONDS:
        return Over.AGE
    return Over.IDLE if time.time() - _active_at(request) > settings.SESSION_IDLE_MINUTES * 60 else None


def _active_at(request: HttpRequest) -> float:
    return float(request.session.get(ACTIVE_AT, request.session.get(SIGNED_IN_AT, 0)))


def _note_activity(request: HttpRequest) -> None:
    if BY_ITSELF not in request.META and time.time() - _active_at(request) > NOTED_EVERY:
        request.session[ACTIVE_AT] = time.time()
