"""The last answer to "what would leave this user's Outlook": one for each user, with its age."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from syncapp.models.filter_user import FilterUser


class UserForecast(models.Model):
    """`off` names the filters that were thought away; `losses` holds an answer a table (filters/forecasts.py)."""

    user = models.OneToOneField(FilterUser, on_delete=models.CASCADE, primary_key=True, related_name="forecast")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    off = models.JSONField(default=list)
    losses = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"forecast for {self.user_id}"
