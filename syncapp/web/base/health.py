"""/healthz, for monitors and load balancers: no secrets, no person's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from syncapp.health import Health, Trouble, clocks, examine
from syncapp.web.base.access import public

PATH = "/healthz"


class WithoutSession:
    """Middleware: who looks at /healthz in a browser is not signed in there, since that would need the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == PATH:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return self.get_response(request)


@public()
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when everything is well, else 503.

    `?part=live` asks only whether this process answers, `?part=ready` whether it can serve people; `?part=web` is its
    older name.
    """
    part = request.GET.get("part", "")
    if part == "live":
        return JsonResponse({"web": True, "live": True, "well": True})
    health = examine(role=clocks.WEB)
    well = health.ready if part in ("ready", "web") else health.well
    return JsonResponse(_as_json(health) | {"well": well}, status=200 if well else 503)


def _as_json(health: Health) -> dict[str, Any]:
    return {
        "web": True,
        "live": True,
        "ready": health.ready,
        "database": health.database,
        "broker": health.broker,
        "worker_answered_seconds_ago": _rounded(health.worker_age),
        "pulled_seconds_ago": _rounded(health.pull_age),
        "oldest_due_seconds": _rounded(health.oldest_due_age),
        "overdue": list(health.overdue),
        "ill": health.ill,
        "clock_seconds_ahead": {role: _rounded(ahead) for role, ahead in health.clocks.items()},
        "troubles": [_trouble_as_json(trouble) for trouble in health.troubles],
        "unreadable_rows": health.unreadable_rows,
        "closed_gates": {breaker.name: breaker.opened_at for breaker in health.open_breakers},
    }


def _trouble_as_json(trouble: Trouble) -> dict[str, Any]:
    kind = trouble.kind
    return {
        "code": trouble.code,
        "text": trouble.text,
        "since": trouble.since,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
        "where": kind.where,
    }


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)
