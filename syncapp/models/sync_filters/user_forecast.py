"""The last answer to "what would leave this user's Outlook": one for each user, with its age."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from syncapp.models.sync_filters.user import FilterUser


class UserForecast(models.Model):
    """`off` names the filters assumed to be off; `losses` holds one answer per table (sync_filters/inventory)."""

    user = models.OneToOneField(FilterUser, on_delete=models.CASCADE, primary_key=True, related_name="forecast")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    off = models.JSONField(default=list)
    losses = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"forecast for {self.user_id}"
