"""The number of operations sent to the CRM per day: each process counts, and stores its count after a task or page.

Source: "Requests limits and allocations". A tenant's licenses allow a number of requests in 24 hours, which all of its
applications share; each operation of a batch counts.
"""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from django.core.signals import request_finished
from django.db import DatabaseError
from django.db.models import F
from django.dispatch import receiver

from syncapp.models import DailyOperations

RETENTION = timedelta(days=400)


class _Counter:
    """The operations that this process has not stored yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def add(self, number: int) -> None:
        with self._lock:
            self._number += number

    def take(self) -> int:
        with self._lock:
            number, self._number = self._number, 0
            return number


@cache
def _counter() -> _Counter:
    return _Counter()


def count(operations: int) -> None:
    """Count operations that were sent; `store` adds them to the day's row."""
    _counter().add(operations)


@receiver(request_finished)
def store(**_: Any) -> None:
    """Add this process's count to the row of the day; while the database is down, keep it until the next call."""
    number = _counter().take()
    if not number:
        return
    try:
        row = DailyOperations.objects.filter(day=_today())
        if not row.update(number=F("number") + number):
            DailyOperations.objects.get_or_create(day=_today())
            row.update(number=F("number") + number)
    except DatabaseError:
        _counter().add(number)


def of_day(*, days_ago: int = 0) -> int | None:
    """Return the operations of today or of an earlier day (UTC); None if nothing was counted on it."""
    day = _today() - timedelta(days=days_ago)
    return DailyOperations.objects.filter(day=day).values_list("number", flat=True).first()


def delete_old() -> int:
    """Delete counts older than RETENTION; return how many."""
    return DailyOperations.objects.filter(day__lt=_today() - RETENTION).delete()[0]


def _today() -> date:
    return datetime.now(UTC).date()
