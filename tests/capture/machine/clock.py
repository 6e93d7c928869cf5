"""Simulated time: all moments that the portal stored, and those of the CRM's log, are moved into the past instead."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Model

from syncapp.models import Capture

_KEPT = frozenset({"AuditEntry", "AuditValue", "Person", "Connection", "CrmColumn", "Preferences"})


def _moments(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]


class Clock:
    """The time that has passed since each row of the CRM's log, and since each version of a contact."""

    def __init__(self) -> None:
        self._entries: dict[UUID, timedelta] = {}
        self._versions: list[tuple[int, timedelta]] = []

    @transaction.atomic
    def forward(self, seconds: float, *, entries: Collection[UUID], version: int) -> None:
        """Let `seconds` pass after these entries, and after this version of the CRM's rows."""
        back = timedelta(seconds=seconds)
        for key in entries:
            self._entries[key] = self._entries.get(key, timedelta(0)) + back
        self._versions.append((version, back))
        for model in apps.get_app_config("syncapp").get_models():
            if model.__name__ in _KEPT or not (names := _moments(model)):
                continue
            earlier = {name: ExpressionWrapper(F(name) - back, output_field=DateTimeField()) for name in names}
            model._default_manager.update(**earlier)
        capture = Capture.objects.first()
        if capture is not None:
            since = {name: datetime.fromisoformat(text) - back for name, text in capture.audited_since.items()}
            Capture.objects.update(audited_since={name: moment.isoformat() for name, moment in since.items()})

    def moment_of_entry(self, key: UUID, moment: datetime) -> datetime:
        """Return when an entry of the log happened."""
        return moment - self._entries.get(key, timedelta(0))

    def moment_of_version(self, version: int, moment: datetime) -> datetime:
        """Return when a row got its version."""
        return moment - sum((back for last, back in self._versions if version <= last), timedelta(0))
