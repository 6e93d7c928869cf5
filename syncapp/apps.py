"""The application's registration; loads the system checks and the job types."""

from __future__ import annotations

from django.apps import AppConfig


class SyncappConfig(AppConfig):
    """Outlook synchronization: review and filters."""

    name = "syncapp"

    def ready(self) -> None:
        """Register the system checks and the job types."""
        from syncapp import tasks  # noqa: F401  (importing registers the job types)
        from syncapp.checks import hosts, settings, upgrades  # noqa: F401  (importing registers the checks)
        from syncapp.notifications import checks  # noqa: F401  (importing registers the check)
