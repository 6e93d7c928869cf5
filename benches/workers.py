"""Worker processes like those of Celery: each with its own Django, CRM client and connection.

Imports no model at the top, because each process sets up Django after it has imported this module.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.synchronize import Barrier

import django

READY_SECONDS = 120


@contextmanager
def running(count: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of `count` processes that are signed in to the CRM."""
    fresh = multiprocessing.get_context("spawn")
    ready = fresh.Barrier(count + 1)
    with ProcessPoolExecutor(count, mp_context=fresh, initializer=_start, initargs=(ready,)) as pool:
        for _ in range(count):
            pool.submit(time.monotonic)
        ready.wait(READY_SECONDS)
        yield pool


def _start(ready: Barrier) -> None:
    django.setup()
    from syncapp.connection.clients import verified_client  # models: only after the set-up

    verified_client()
    ready.wait(READY_SECONDS)


def deliver(delivery_id: uuid.UUID) -> bool:
    """Deliver as the task does."""
    from syncapp.connection.clients import verified_client  # models: only after the set-up
    from syncapp.review.delivery import job as delivery

    return delivery.deliver(delivery_id, crm=verified_client())


@dataclass(frozen=True, slots=True)
class Shift:
    """The work of one process for a filter run, or for capture.

    `answers` of the CRM by status, `peak` memory in MB, `processor` time in seconds.
    """

    answers: Counter[str]
    peak: float
    processor: float


class _Answers(logging.Handler):
    """A handler that counts the CRM's answers in the client's log."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.counted[str(record.args[2])] += 1  # type: ignore[index]  # method, table, outcome, duration, id


def _counting() -> _Answers:
    """Count the answers of this process from now on, instead of logging them."""
    answers, client = _Answers(), logging.getLogger("syncapp.crm.transport")
    client.setLevel(logging.INFO)
    client.propagate = False
    client.handlers = [answers]
    return answers


def peak_memory() -> float:
    """Return the peak memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stage(until: float) -> tuple[Shift, float]:
    """Stage captured edits as the task does, until no job is left or the time `until`.

    Also return the peak memory in MB when half of the jobs were left.
    """
    from syncapp.capture import brakes, staging  # models: only after the set-up
    from syncapp.connection.clients import verified_client
    from syncapp.jobs import queue
    from syncapp.models import CaptureJob
    from syncapp.models.jobs.job import OPEN_STATES

    brakes.MIN_MASS_EDIT, staging.LATE_AFTER = 1_000_000, timedelta(days=1)
    answers, before, half = _counting(), time.process_time(), 0.0
    open_jobs = CaptureJob.objects.filter(state__in=OPEN_STATES)
    at_first = open_jobs.count()
    while time.time() < until and (left := open_jobs.count()):
        if not half and left < at_first / 2:
            half = peak_memory()
        for pk in queue.claim_for_dispatch(CaptureJob, limit=20):
            staging.stage(pk, crm=verified_client())
    return Shift(answers.counted, peak_memory(), time.process_time() - before), half


def switch(run_id: uuid.UUID, until: float) -> Shift:
    """Switch users as the task does, again and again, until the run ends or the time `until`."""
    from syncapp.connection.clients import verified_client  # models: only after the set-up
    from syncapp.models import FilterRun
    from syncapp.models.sync_filters.run import RunState
    from syncapp.sync_filters.runs import job as runs

    answers, before = _counting(), time.process_time()
    while time.time() < until and FilterRun.objects.filter(pk=run_id, state=RunState.RUNNING).exists():
        if not runs.work(run_id, crm=verified_client(), seconds=20):
            time.sleep(0.2)
    return Shift(answers.counted, peak_memory(), time.process_time() - before)
