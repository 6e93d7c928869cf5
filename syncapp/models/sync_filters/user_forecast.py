"""The last forecast for each user of what would leave their Outlook."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from syncapp.models.sync_filters.user import FilterUser


class UserForecast(models.Model):
    """`off`: ids of the filters assumed to be off. `losses`: one entry per table (sync_filters/inventory/forecasts)."""

    user = models.OneToOneField(FilterUser, on_delete=models.CASCADE, primary_key=True, related_name="forecast")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    off = models.JSONField(default=list)
    losses = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"forecast for {self.user_id}"
