"""The application's registration; loads the system checks."""

from __future__ import annotations

from django.apps import AppConfig


class SyncappConfig(AppConfig):
    """Outlook synchronization: review and filters."""

    name = "syncapp"

    def ready(self) -> None:
        """Register the system checks."""
        from syncapp import checks  # noqa: F401  (importing registers them)
