"""/healthz, for monitors and load balancers: no secrets, no person's data."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse, JsonResponse

from syncapp import clocks
from syncapp.health import Health, Trouble, examine, troubles
from syncapp.web.access import public

__all__ = ["Trouble", "healthz", "troubles"]


@public()
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when everything is well, else 503. `?part=web` asks only whether pages can be served."""
    with suppress(DatabaseTrouble):  # examine says it
        clocks.note(clocks.WEB)
    health = examine()
    well = health.database if request.GET.get("part") == "web" else health.well
    return JsonResponse(_as_json(health) | {"well": well}, status=200 if well else 503)


def _as_json(health: Health) -> dict[str, Any]:
    return {
        "web": True,
        "database": health.database,
        "broker": health.broker,
        "worker_answered_seconds_ago": _rounded(health.worker_age),
        "pulled_seconds_ago": _rounded(health.pull_age),
        "oldest_due_seconds": _rounded(health.oldest_due_age),
        "overdue": list(health.overdue),
        "ill": health.ill_parts,
        "clock_seconds_ahead": {role: _rounded(ahead) for role, ahead in health.clocks.items()},
        "unreadable_rows": health.unreadable_rows,
        "closed_gates": {gate.name: gate.closed_at for gate in health.closed_gates},
    }


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)
