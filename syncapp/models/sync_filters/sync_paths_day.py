"""Daily counts of users by sync paths."""

from __future__ import annotations

from django.db import models


class SyncPathsDay(models.Model):
    """The counts of one day (UTC), after the day's last inventory; the columns match the values of `SyncPaths`."""

    day = models.DateField(primary_key=True)
    twice = models.PositiveIntegerField(default=0)
    once = models.PositiveIntegerField(default=0)
    none = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "syncapp_reachday"

    def __str__(self) -> str:
        return f"{self.day}: {self.twice} twice"
