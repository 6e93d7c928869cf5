"""Outages are named on pages, in /healthz and in mails, with real processes and `watch`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from syncapp import preferences
from syncapp.connection import clients
from tests.faults.reviewer import Reviewer
from tests.journeys.conftest import use_sandbox
from tests.journeys.database import fresh_database
from tests.journeys.stack import Stack, running_stack
from tests.support.people import rita
from tests.support.screen import Screen
from tests.support.servers import PROJECT, wait_until
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

ALERT_AFTER = 30.0  # longer than a busy machine needs to start Redis
OPERATORS = "ops@contoso.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Run a stack that pulls each second and alerts after ALERT_AFTER seconds."""
    times = {"PULL_SECONDS": "1", "ALERT_AFTER": str(ALERT_AFTER), "DATABASE_CONNECT_SECONDS": "2"}
    with (
        fresh_database(tmp_path_factory.mktemp("troubles"), django_db_blocker, name="troubles") as database,
        running_stack(database, proxied=True, **times) as stack,
    ):
        World(stack.sandbox.url).reset(contacts=5, users=5, filters=4)
        yield stack


@dataclass
class Operator:
    """An operator who checks /healthz, pages and the mailbox, and runs `watch` by a timer."""

    stack: Stack
    reviewer: Reviewer
    mails_before: int = 0

    def health(self) -> tuple[int, dict[str, Any]]:
        answer = self.reviewer.get("/healthz")
        return answer.status_code, answer.json()

    def ill(self) -> list[str]:
        return list(self.health()[1]["ill"])

    def page(self) -> Screen:
        return Screen(self.reviewer.get("/settings/me"))  # type: ignore[arg-type]  # has the two members that it reads

    def watch(self) -> tuple[int, str]:
        """Run the command; return its exit status and output."""
        command = [sys.executable, "manage.py", "watch"]
        environment = self.stack.environment()
        ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    def watch_until(self, holds: Callable[[], bool], *, seconds: float) -> None:
        """Run `watch` repeatedly until the condition holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{self.health()} {self.watch()}"
            self.watch()
            time.sleep(1)

    def subjects(self) -> list[str]:
        """Return the subjects of the mails to the operators, in order."""
        with requests.Session() as session:
            session.trust_env = False
            mails = session.get(f"{self.stack.sandbox.url}/mail/?format=json", timeout=10).json()
        found = [mail for mail in mails if OPERATORS in mail["to"]]
        subjects = [mail["subject"].partition(": ")[2] for mail in sorted(found, key=lambda mail: mail["id"])]
        return subjects[self.mails_before :]

    def is_well(self) -> bool:
        return self.ill() == []


@pytest.fixture
def operator(running: Stack, settings: Settings, django_db_blocker: DjangoDbBlocker) -> Iterator[Operator]:
    """Return an operator of a healthy portal, which is repaired afterwards."""
    use_sandbox(running.sandbox.url, settings)
    with django_db_blocker.unblock(), running.database.used_here():
        preferences.change(by=None, operations_address=OPERATORS)
        clients.check_organization(clients.crm().who_am_i().organization_id)
        someone = Operator(running, Reviewer(running, rita()))
        wait_until(someone.is_well, seconds=90, what="all is well")
        someone.watch_until(lambda: someone.watch()[0] == 0, seconds=60)
        someone.mails_before = len(someone.subjects())
        try:
            yield someone
        finally:
            assert running.proxies is not None
            running.proxies.restore()


def test_redis_outage_is_reported_everywhere(operator: Operator) -> None:
    proxies = operator.stack.proxies
    assert proxies is not None
    proxies.broker.refuse()

    assert operator.ill() == ["redis"]
    wait_until(lambda: "Redis does not answer." in operator.page().words, seconds=60, what="the banner names Redis")
    operator.watch_until(lambda: bool(operator.subjects()), seconds=90)
    time.sleep(50 - ALERT_AFTER)  # a worker that was not asked would count as silent by now
    status, output = operator.watch()

    assert (status, operator.ill(), operator.subjects()) == (1, ["redis"], ["Redis does not answer."])
    assert "redis: Redis does not answer." in output
    assert "No background worker answers" not in operator.page().words + output

    proxies.broker.restore()
    operator.watch_until(operator.is_well, seconds=90)
    operator.watch()
    assert operator.subjects() == ["Redis does not answer.", "resolved: Redis does not answer."]


def test_database_outage_is_mailed_once(operator: Operator) -> None:
    proxies = operator.stack.proxies
    assert proxies is not None
    if proxies.database is None:
        pytest.skip("SQLite has no connection to cut")
    proxies.database.refuse()

    answer = operator.reviewer.get("/review/")
    assert (answer.status_code, "The database does not answer." in answer.text) == (503, True)
    assert operator.reviewer.get("/healthz?part=live").status_code == 200
    assert operator.reviewer.get("/healthz?part=ready").status_code == 503
    assert operator.ill() == ["database"]
    operator.watch_until(lambda: bool(operator.subjects()), seconds=90)
    status, output = operator.watch()
    assert (status, operator.subjects()) == (2, ["The database does not answer."])
    assert "Traceback" not in output

    proxies.database.restore()
    operator.watch_until(lambda: len(operator.subjects()) > 1, seconds=90)
    operator.watch_until(operator.is_well, seconds=90)
    operator.watch()
    assert operator.subjects() == ["The database does not answer.", "resolved: The database does not answer."]


def test_full_restart_sends_no_mail(operator: Operator) -> None:
    stack = operator.stack
    assert stack.beat is not None
    assert stack.periodic_worker is not None
    for worker in (*stack.workers, stack.periodic_worker):
        worker.kill()
    stack.beat.stop(seconds=3)
    stack.broker.kill()
    assert "Redis does not answer." in operator.watch()[1]

    stack.restart_broker()
    stack.workers.clear()
    stack.add_worker()
    stack.start_periodic_worker()
    stack.beat = stack.start_beat()
    operator.watch_until(operator.is_well, seconds=90)
    operator.watch()

    assert operator.subjects() == []


def test_stopped_scheduler_is_named(operator: Operator) -> None:
    stack = operator.stack
    assert stack.beat is not None
    stack.beat.stop(seconds=3)

    wait_until(lambda: operator.ill() == ["beat"], seconds=90, what="the scheduler is named")
    assert "The scheduler is not running." in operator.page().words

    stack.beat = stack.start_beat()
    wait_until(operator.is_well, seconds=60, what="all is well")


def test_silent_workers_are_named(operator: Operator) -> None:
    stack = operator.stack
    assert stack.periodic_worker is not None
    stack.periodic_worker.kill()

    wait_until(lambda: operator.ill() == ["worker"], seconds=90, what="the workers are named")
    assert "No background worker answers." in operator.page().words

    stack.start_periodic_worker()
    wait_until(operator.is_well, seconds=60, what="all is well")
