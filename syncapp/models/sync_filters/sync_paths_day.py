"""How many users' appointments reached Outlook how often, day by day: the line of the risk report."""

from __future__ import annotations

from django.db import models


class ReachDay(models.Model):
    """One day (UTC) as its last reading left it; the columns are those of `Reach`."""

    day = models.DateField(primary_key=True)
    twice = models.PositiveIntegerField(default=0)
    once = models.PositiveIntegerField(default=0)
    none = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: {self.twice} twice"
