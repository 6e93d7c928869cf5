"""The application's registration; loads the system checks and the job types."""

from __future__ import annotations

from django.apps import AppConfig


class SyncappConfig(AppConfig):
    """Outlook synchronization: review and filters."""

    name = "syncapp"

    def ready(self) -> None:
        """Register the system checks and the job types."""
        from syncapp import checks, host_checks, installation_checks, tasks  # noqa: F401  (importing registers them)
