"""The state of the portal: what is wrong, under which name, and what to do about it.

`kinds` has one definition per trouble, with every text about it. `looks` measures, `troubles` names the causes and
leaves out their symptoms, `pulses` keeps when the scheduler and the workers were last heard.
"""

from __future__ import annotations

from syncapp.health.examination import Health, examine
from syncapp.health.observations import Look, pulled_at, unreadable_rows, worker_answered_at
from syncapp.health.troubles import Trouble, troubles, unreadable_trouble

__all__ = [
    "Health",
    "Look",
    "Trouble",
    "examine",
    "pulled_at",
    "troubles",
    "unreadable_rows",
    "unreadable_trouble",
    "worker_answered_at",
]
