"""Worker processes as a Celery worker has them: each with its own Django, CRM client and connection.

Imports no model at the top, because each process sets Django up after it has imported this.
"""

from __future__ import annotations

import multiprocessing
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier

import django

READY_SECONDS = 120


@contextmanager
def running(count: int) -> Iterator[ProcessPoolExecutor]:
    """This many processes that have started and are signed in to the CRM."""
    fresh = multiprocessing.get_context("spawn")
    ready = fresh.Barrier(count + 1)
    with ProcessPoolExecutor(count, mp_context=fresh, initializer=_start, initargs=(ready,)) as pool:
        for _ in range(count):
            pool.submit(time.monotonic)
        ready.wait(READY_SECONDS)
        yield pool


def _start(ready: Barrier) -> None:
    django.setup()
    from syncapp.connection import recognised_crm  # models: only after the set-up

    recognised_crm()
    ready.wait(READY_SECONDS)


def deliver(delivery_id: uuid.UUID) -> bool:
    """What the task does."""
    from syncapp.connection import recognised_crm  # models: only after the set-up
    from syncapp.review import delivery

    return delivery.deliver(delivery_id, crm=recognised_crm())
