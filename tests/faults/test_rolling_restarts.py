"""Web processes, workers and schedulers are replaced one by one while reviewers work."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import pytest

from tests.faults.reviewer import Reviewer
from tests.journeys.stack import Stack
from tests.journeys.story import TALLY, Edit, Story
from tests.support.people import rita, rob

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

EDITS = 120
PAUSE = 3.0
STOP_SECONDS = 60.0


def test_rolling_restart_shows_no_error(story: Story):
    edits = story.edited(EDITS)
    with reviewing(story.stack, edits) as seen:
        for replace in (reload_web, replace_worker, replace_beat, replace_web, replace_periodic_worker, reload_web):
            time.sleep(PAUSE)
            replace(story.stack)
        time.sleep(PAUSE)
    decided = [edit for edit, _, _ in seen]
    assert len(decided) > 10
    assert {(page, submit) for _, page, submit in seen} == {(200, 303)}
    TALLY["decisions during rolling restarts"] += len(decided)
    story.delivered_exactly_once(*decided)


Seen = list[tuple[Edit, int, int]]


@contextmanager
def reviewing(stack: Stack, edits: list[Edit]) -> Iterator[Seen]:
    """Have two reviewers decide edits; yield the statuses of their pages and submits."""
    waiting: SimpleQueue[Edit] = SimpleQueue()
    for edit in edits:
        waiting.put(edit)
    seen: Seen = []
    is_over = threading.Event()

    def work(reviewer: Reviewer) -> None:
        while not is_over.wait(0.2):
            try:
                edit = waiting.get_nowait()
            except Empty:
                return
            page = reviewer.page(edit)
            seen.append((edit, 200, reviewer.submit(edit, page.form).status) if page else (edit, 0, 0))

    threads = [threading.Thread(target=work, args=(Reviewer(stack, person),)) for person in (rita(), rob())]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def reload_web(stack: Stack) -> None:
    """Reload gunicorn's processes with HUP."""
    assert stack.web is not None
    stack.web.process.send_signal(signal.SIGHUP)


def replace_web(stack: Stack) -> None:
    """Start a second gunicorn, switch the proxy to it, end the first."""
    old = stack.web
    assert old is not None
    stack.start_web()
    time.sleep(1.0)  # requests that were already sent arrive
    old.stop(seconds=STOP_SECONDS)


def replace_worker(stack: Stack) -> None:
    """Start a second worker, then end the first, which finishes its tasks."""
    old = stack.worker
    stack.add_worker()
    stack.wait_until_ready()
    old.server.stop(seconds=STOP_SECONDS)
    stack.workers.remove(old)


def replace_periodic_worker(stack: Stack) -> None:
    """Do the same with the worker of the periodic queue."""
    old = stack.periodic_worker
    assert old is not None
    stack.start_periodic_worker()
    stack.wait_until_ready()
    old.server.stop(seconds=STOP_SECONDS)


def replace_beat(stack: Stack) -> None:
    """Start a second scheduler, then end the first."""
    old = stack.beat
    assert old is not None
    stack.beat = stack.start_beat()
    time.sleep(1.0)
    old.stop(seconds=STOP_SECONDS)
