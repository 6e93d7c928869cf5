"""/metrics, for Prometheus, and the durations of pages that it shows."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from syncapp import metrics
from syncapp.health import metrics as health_metrics
from syncapp.web.base.access import public


class MeasurePages:
    """Middleware that measures how long each page takes, by its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        if request.resolver_match:
            labels = request.resolver_match.route, request.method, f"{response.status_code // 100}xx"
            metrics.PAGES.labels(*labels).observe(time.perf_counter() - started)
        return response


@public()
def prometheus(request: HttpRequest) -> HttpResponse:
    """Answer with the metrics of the portal and of this host, if the request has METRICS_TOKEN.

    Without that setting the page does not exist.
    """
    token = settings.METRICS_TOKEN
    sent = request.headers.get("Authorization", "")
    if not token:
        raise Http404
    if not constant_time_compare(sent, f"Bearer {token}"):
        return HttpResponse("A token is required.", status=401, headers={"WWW-Authenticate": "Bearer"})
    registries = (health_metrics.portal_registry(), metrics.host_registry())
    text = b"".join(generate_latest(registry) for registry in registries if registry is not None)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
