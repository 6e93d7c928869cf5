"""`manage.py metrics`: print the durations that this host's processes measured, for a host without a web process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from prometheus_client import generate_latest

from syncapp import metrics


class Command(BaseCommand):
    """The command that prints the durations measured by this host's processes, in Prometheus' text format."""

    help = "Print the durations that the processes of this host measured, in Prometheus' text format."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the durations. Raises CommandError without PROMETHEUS_MULTIPROC_DIR."""
        registry = metrics.host_registry()
        if registry is None:
            raise CommandError("Set PROMETHEUS_MULTIPROC_DIR to the folder that the processes of this host share.")
        self.stdout.write(generate_latest(registry).decode(), ending="")
