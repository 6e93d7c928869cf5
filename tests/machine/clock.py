"""Simulated time: the database's clock cannot be moved, so all awaited times are moved into the past instead."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Model

from syncapp.models import Breaker, Decision, Delivery, MirrorCursor

# Far longer than a run takes, so that the speed of the computer does not matter.
UNDO_SECONDS, LEASE, PROBE_SECONDS = 1000, 6000, 3000
JUMPS = {"no time": 0, "the undo window": 1700, "a lease": 6900, "a day": 86_400}

_AWAITED: dict[type[Model], tuple[str, ...]] = {
    Delivery: ("due_at", "lease_until", "dispatched_at"),
    Decision: ("due_at",),
    MirrorCursor: ("lease_until",),
    Breaker: ("next_probe_at",),
}


@transaction.atomic
def forward(seconds: float) -> None:
    """Let `seconds` pass."""
    if not seconds:
        return
    for model, columns in _AWAITED.items():
        earlier = {name: F(name) - timedelta(seconds=seconds) for name in columns}
        moved = {name: ExpressionWrapper(value, output_field=DateTimeField()) for name, value in earlier.items()}
        model._default_manager.update(**moved)
