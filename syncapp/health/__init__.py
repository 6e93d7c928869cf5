"""The state of the portal: its troubles, their names, and what to do about them.

`kinds` defines each trouble with every text about it, `observations` measures, `troubles` names causes and leaves out
their symptoms, `report` sums up for /healthz, and `heartbeats` records when scheduler and workers were last alive.
"""

from __future__ import annotations

from syncapp.health.observations import Observations, count_unreadable_rows, pulled_at, worker_answered_at
from syncapp.health.report import Health, check_health
from syncapp.health.troubles import Trouble, find_unreadable_rows, troubles

__all__ = [
    "Health",
    "Observations",
    "Trouble",
    "check_health",
    "count_unreadable_rows",
    "find_unreadable_rows",
    "pulled_at",
    "troubles",
    "worker_answered_at",
]
