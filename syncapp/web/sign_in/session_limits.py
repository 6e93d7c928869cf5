"""Session limits: 8 hours after signing in, or a period without activity."""

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
RECORD_INTERVAL = 60  # seconds; not every request writes the session
AUTOMATIC_HEADER = "HTTP_BY_ITSELF"  # the header by which our scripts mark automatic requests


class EndReason(StrEnum):
    """The reason why a session ended."""

    AGE = "age"
    IDLE = "idle"
    OTHER = "other"


class SessionLimits:
    """Middleware that ends expired sessions and the sessions of deactivated people, and keeps pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if SESSION_KEY in request.session:
            now, signed_in = time.time(), float(request.session.get(SIGNED_IN_AT, 0))
            active = float(request.session.get(ACTIVE_AT, signed_in))
            over: EndReason | None = None
            if not request.user.is_authenticated or not signed_in:
                over = EndReason.OTHER
            elif now - signed_in > SESSION_SECONDS:
                over = EndReason.AGE
            elif now - active > settings.SESSION_IDLE_MINUTES * 60:
                over = EndReason.IDLE
            if over:
                logout(request)
                setattr(request, SESSION_OVER, over.value)
            elif AUTOMATIC_HEADER not in request.META and now - active > RECORD_INTERVAL:
                request.session[ACTIVE_AT] = now
        response = self.get_response(request)
        response.headers["Cache-Control"] = "no-store"
        return response
