"""Restriction of the demo to its own machine, whatever address it listens on."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

FORWARDING_HEADERS = frozenset(
    {"HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP"}
)
TEXT = (
    "In the demo anyone can sign in as anyone, so it only answers browsers on its own machine, not through a proxy.\n"
    "Use a browser on that machine. For a real installation set DEMO=off.\n"
)


class DemoGuard:
    """Middleware for the demo: refuse requests that may come from another machine."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.DEMO and not _is_local(request):
            return HttpResponse(TEXT, status=403, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


def _is_local(request: HttpRequest) -> bool:
    """Return whether the request comes from this machine and no header shows that a proxy forwarded it."""
    if any(name.startswith("HTTP_X_FORWARDED") or name in FORWARDING_HEADERS for name in request.META):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
