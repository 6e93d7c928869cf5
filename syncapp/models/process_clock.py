"""Differences between the clocks of the portal's hosts and the database's clock."""

from __future__ import annotations

from django.db import models


class ProcessClock(models.Model):
    """The seconds by which the clock of one kind of process on one host was ahead of the database's."""

    class Role(models.TextChoices):
        WEB = "web", "a web server"
        WORKER = "worker", "a worker"
        BEAT = "beat", "the scheduler"

    role = models.CharField(max_length=10, choices=Role)
    host = models.CharField(max_length=200)
    seconds_ahead = models.FloatField(default=0.0, db_default=0.0)
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "host"], name="one_clock_per_role_and_host")]

    def __str__(self) -> str:
        return f"{self.role} on {self.host}"

    @property
    def difference(self) -> str:
        """Return the difference in words: "12.0 s ahead of the database’s"."""
        if abs(self.seconds_ahead) < 0.05:  # shown as 0.0
            return "in sync with the database"
        side = "behind" if self.seconds_ahead < 0 else "ahead of"
        return f"{abs(self.seconds_ahead):,.1f} s {side} the database’s"
