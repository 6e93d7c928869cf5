"""PostgreSQL restarts, is down, hangs, or loses connections at COMMIT while people and workers write."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from syncapp.models import Decision
from tests.faults.conftest import AS_IN_PRODUCTION, contacts_of
from tests.faults.reviewer import Answer, Reviewer
from tests.journeys.database import fresh_database
from tests.journeys.stack import Proxies, Stack, running_stack
from tests.journeys.story import TALLY, Edit, Story
from tests.support import servers
from tests.support.fault_proxy import FaultProxy, When
from tests.support.people import rita, rob
from tests.support.servers import Server, wait_until

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has no connection to cut and is never restarted"
    ),
]

TAKEN = 303
CUTS = 50
EDITS = 24
AWAY_SECONDS = 20.0
SILENT_SECONDS = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a PostgreSQL that this module may restart."""
    with servers.postgres(durable=True) as server:
        yield server


@pytest.fixture(scope="module")
def stack(
    server: Server, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Stack]:
    """Run a stack on that server."""
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    folder = tmp_path_factory.mktemp("database")
    with (
        fresh_database(folder, django_db_blocker, name="restarted", port=port) as database,
        running_stack(database, proxied=True, **AS_IN_PRODUCTION) as stack,
    ):
        yield stack


@pytest.fixture(scope="module")
def contacts(stack: Stack) -> Iterator[uuid.UUID]:
    """Yield contacts of this stack's CRM."""
    return contacts_of(stack, 300)


@pytest.fixture
def proxy(proxies: Proxies) -> FaultProxy:
    """Return the proxy before PostgreSQL."""
    assert proxies.database is not None
    return proxies.database


class Load:
    """Reviewers who decide edits during a fault, each until its page shows the decision."""

    def __init__(self, story: Story, edits: Sequence[Edit]) -> None:
        self.answers: list[Answer] = []
        self._story, self._edits = story, edits
        self._pool = ThreadPoolExecutor(2)
        people = Reviewer(story.stack, rita()), Reviewer(story.stack, rob())
        halves = edits[::2], edits[1::2]
        self._decided = [self._pool.submit(self._decide_all, *each) for each in zip(people, halves, strict=True)]

    def _decide_all(self, reviewer: Reviewer, edits: Sequence[Edit]) -> None:
        for edit in edits:
            wait_until(lambda edit=edit: reviewer.decide_until_shown(edit, self.answers), seconds=120, what="decided")

    def judge(self) -> None:
        """Wait until all edits are decided and written, and check the ledger."""
        for decided in self._decided:
            decided.result(timeout=300)
        self._pool.shutdown()
        for edit in self._edits:
            assert Decision.objects.filter(field__in=[field.pk for field in edit.fields.values()]).count() == 2
        self._story.delivered_exactly_once(*self._edits)
        TALLY.update(
            f"submits answered {answer.status}" if answer.status else "pages not shown" for answer in self.answers
        )

    @property
    def has_failed(self) -> bool:
        """Return whether any request failed."""
        return any(answer.status != TAKEN for answer in self.answers)


@pytest.mark.parametrize("when", [When.BEFORE_ARRIVAL, When.BEFORE_ANSWER], ids=["before", "after"])
def test_fifty_connection_cuts_at_commit_lose_nothing(story: Story, proxy: FaultProxy, when: When):
    """Cuts before a COMMIT undo its transaction; cuts after it leave the portal without an answer."""
    edits = story.edited(EDITS)
    proxy.cut_at_commit(when, times=CUTS)
    load = Load(story, edits)
    story.wait(lambda: not proxy.cuts_left, f"{CUTS} COMMITs are cut")
    load.judge()


@pytest.mark.parametrize(("immediate", "after"), [(False, 0.0), (True, 0.0), (True, AWAY_SECONDS)])
def test_restart_under_load_loses_nothing(story: Story, server: Server, *, immediate: bool, after: float):
    load = Load(story, story.edited(EDITS))
    servers.restart_postgres(server, immediate=immediate, after=after)
    connection.close()  # this process's own connection was lost, too
    load.judge()
    assert story.stack.worker.is_alive


def test_refused_database_connections_lose_nothing(story: Story, proxy: FaultProxy):
    load = Load(story, story.edited(EDITS))
    time.sleep(0.5)
    proxy.refuse()
    time.sleep(AWAY_SECONDS)
    proxy.restore()
    load.judge()
    assert load.has_failed
    assert story.stack.worker.is_alive


def test_half_open_database_connections_time_out(story: Story, proxy: FaultProxy):
    """Pages have to work again within 60 seconds, without a restart of the web processes."""
    load = Load(story, story.edited(EDITS))
    time.sleep(0.5)
    proxy.silence()
    time.sleep(SILENT_SECONDS)
    proxy.restore()
    started = time.monotonic()
    load.judge()
    assert load.has_failed
    TALLY["seconds until all was written after a silent PostgreSQL"] = round(time.monotonic() - started)
    assert story.stack.worker.is_alive
    answers = [Reviewer(story.stack, rita()).get("/review/").status_code for _ in range(16)]  # more than web threads
    assert set(answers) == {200}
