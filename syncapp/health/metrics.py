"""The state of the portal as metrics for Prometheus, the same from every host, because it is in the database."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from syncapp.connection import usage
from syncapp.health import clocks, kinds
from syncapp.health.observations import Observations, count_unreadable_rows
from syncapp.health.troubles import troubles
from syncapp.jobs import runner
from syncapp.models import Breaker
from syncapp.models.jobs.job import OPEN_STATES


def portal_registry() -> CollectorRegistry:
    """Return a registry that reads the state when it is collected, which may raise DatabaseError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StateCollector())
    return registry


class _StateCollector:
    """A collector of the portal's state, in the form that the library expects."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering it reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the state of all parts."""
        observed = Observations(always_ping_redis=True)
        yield _troubles(observed)
        opened = {breaker.name for breaker in observed.open_breakers}
        names = {name: name in opened for name in sorted(Breaker.Name.values)}
        yield _family("osync_breaker_open", "1 while this breaker is open", "name", names)
        yield _open_jobs()
        due = {job_type.name: observed.due_ages.get(job_type.name, 0.0) for job_type in runner.job_types()}
        yield _family("osync_oldest_due_seconds", "Age of the oldest due job", "type", due)
        ages = {
            "worker": observed.age(observed.heartbeats.worker_answered_at),
            "scheduler": observed.age(observed.heartbeats.beat_at),
            "reading_edits": observed.age(observed.pulled_at),
        }
        known_ages = {part: age for part, age in ages.items() if age is not None}
        yield _family("osync_seconds_since", "Seconds since this part last did its work", "part", known_ages)
        yield _family(
            "osync_clock_ahead_seconds",
            "Seconds by which the clock is ahead of the database’s",
            "role",
            clocks.largest_differences(),
        )
        yield GaugeMetricFamily(
            "osync_unreadable_rows", "Rows of the CRM that could not be read", count_unreadable_rows()
        )
        today = usage.of_day() or 0
        yield GaugeMetricFamily("osync_crm_operations_today", "Operations sent to the CRM since midnight UTC", today)
        allowance = settings.CRM_DAILY_ALLOWANCE
        yield GaugeMetricFamily("osync_crm_operations_allowance", "Operations that the CRM allows per day", allowance)


def _troubles(observed: Observations) -> Metric:
    current = {trouble.code: trouble.kind for trouble in troubles(observed)}
    kind_by_code = {kind.code: kind for kind in kinds.KINDS} | current
    labels = ["code", "failure"]
    family = GaugeMetricFamily("osync_trouble", "1 while the portal has this trouble", labels=labels)
    for code, kind in sorted(kind_by_code.items()):
        family.add_metric([code, "yes" if kind.is_failure else "no"], float(code in current))
    return family


def _open_jobs() -> Metric:
    family = GaugeMetricFamily("osync_open_jobs", "Jobs that are not done", labels=["type", "state"])
    for job_type in runner.job_types():
        rows = job_type.model.objects.filter(state__in=OPEN_STATES).values_list("state")
        counts = dict(rows.annotate(number=Count("pk")).order_by())
        for state in OPEN_STATES:
            family.add_metric([job_type.name, state], counts.get(state, 0))
    return family


def _family(name: str, documentation: str, label: str, values: dict[str, float] | dict[str, bool]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
