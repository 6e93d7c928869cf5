"""/healthz, for monitors and load balancers; its answer holds no secrets and no personal data."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from syncapp.health import check_health, clocks
from syncapp.web.base.access import public

PATH = "/healthz"


class AcceptProbes:
    """Middleware that accepts probes of /healthz under any host name, and loads no session for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == PATH:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            # Probes use the address of each process, which is not in ALLOWED_HOSTS.
            request.META["HTTP_HOST"] = urlsplit(settings.BASE_URL).netloc
        return self.get_response(request)


@public()
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if everything works, else 503.

    `?part=live` checks only that this process answers; `?part=ready` (older name: `?part=web`) checks that it can
    serve people.
    """
    part = request.GET.get("part", "")
    if part == "live":
        return JsonResponse({"web": True, "live": True, "well": True})
    health = check_health(role=clocks.WEB)
    well = health.is_ready if part in ("ready", "web") else health.is_healthy
    answer = {
        "web": True,
        "live": True,
        "ready": health.is_ready,
        "database": health.database,
        "broker": health.broker,
        "worker_answered_seconds_ago": _rounded(health.worker_age),
        "pulled_seconds_ago": _rounded(health.pull_age),
        "oldest_due_seconds": _rounded(health.oldest_due_age),
        "overdue": list(health.overdue),
        "ill": health.failing,
        "clock_seconds_ahead": {role: _rounded(ahead) for role, ahead in health.clocks.items()},
        "troubles": [
            {
                "code": trouble.code,
                "text": trouble.text,
                "since": trouble.since,
                "meaning": trouble.kind.meaning,
                "remedy": trouble.kind.remedy,
                "where": trouble.kind.where,
                "asked": trouble.asked,
            }
            for trouble in health.troubles
        ],
        "unreadable_rows": health.unreadable_rows,
        "closed_gates": {breaker.name: breaker.opened_at for breaker in health.open_breakers},
        "well": well,
    }
    return JsonResponse(answer, status=200 if well else 503)


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)
