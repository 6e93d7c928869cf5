"""Error pages for failures of the portal itself. They need no database and no session."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from syncapp import log_context
from syncapp.health import kinds
from syncapp.health.outages import is_database_down
from syncapp.models.locking import is_conflict
from syncapp.web.base.access import SAFE_METHODS

RETRY_SECONDS = 30
BUSY_SECONDS = 2
_DATABASE_IS_DOWN = "_database_is_down"


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 if the database is down or the transaction conflicted with another one, else 500."""
    error = sys.exc_info()[1]
    if isinstance(error, SessionInterrupted):
        error = _reason(error)
    if is_database_down(error):
        template, status, retry_after = "503.html", 503, RETRY_SECONDS
    elif is_conflict(error):
        template, status, retry_after = "busy.html", 503, BUSY_SECONDS
    else:
        template, status, retry_after = "500.html", 500, None
    was_sent = request.method not in SAFE_METHODS
    context = {
        "kind": kinds.DATABASE,
        "was_sent": was_sent,
        "page": _page_to_open(request, was_sent=was_sent),
        "request_id": log_context.current().get("request"),
    }
    response = HttpResponse(render_to_string(template, context), status=status)
    setattr(response, _DATABASE_IS_DOWN, template == "503.html")
    response.headers["Cache-Control"] = "no-store"
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def is_session_lost_to_outage(error: Exception) -> bool:
    """Return whether saving the session failed because the database is down, rather than because it was deleted."""
    return isinstance(error, SessionInterrupted) and is_database_down(_reason(error))


def _reason(interrupted: SessionInterrupted) -> BaseException | None:
    """Return the database error behind Django's UpdateError, which in turn led to `interrupted`."""
    return interrupted.__context__.__context__ if interrupted.__context__ else None


def says_database_is_down(response: HttpResponseBase) -> bool:
    """Return whether a response says that the database is down."""
    return bool(getattr(response, _DATABASE_IS_DOWN, False))


def _page_to_open(request: HttpRequest, *, was_sent: bool) -> str:
    """Return the address to retry: this page, or the one with the form that was sent; "/" if it is not known."""
    if not was_sent:
        return request.get_full_path()
    try:
        host = request.get_host()
    except DisallowedHost:
        return "/"
    sender = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(sender, allowed_hosts={host}):
        return "/"
    parts = urlsplit(sender)
    # Two leading slashes would name another host.
    return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")
