"""Durations that every process measures, for Prometheus. Their labels are routes and table names, never ids or values.

Processes of one host share them in the files of PROMETHEUS_MULTIPROC_DIR, which the library reads itself.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0, 30.0)

PAGES = Histogram(
    "osync_page_seconds",
    "Time in the server until a page was answered",
    ["route", "method", "status"],
    buckets=_BUCKETS,
    registry=None,
)
CRM_REQUESTS = Histogram(
    "osync_crm_request_seconds",
    "Time until the CRM answered a request, without waiting for a free slot",
    ["method", "table", "outcome"],
    buckets=_BUCKETS,
    registry=None,
)


def host_registry() -> CollectorRegistry | None:
    """Return a registry with the durations of all processes on this host; None if they share no folder.

    Without a shared folder, each process could answer only with its own figures.
    """
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return None
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return registry
