"""A busy day: reviewers use two portals behind a proxy, with four workers, on PostgreSQL, and everything restarts.

LOAD_FIELDS, LOAD_REVIEWERS and LOAD_SECONDS change the size.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
import redis
import requests

from benches import figures, load_ledger, load_reviewers
from benches.figures import heading, line, target
from benches.load_processors import Processors
from benches.load_reviewers import Answers, Reviewer
from tests.deployment.installation import Installation, running_installation
from tests.support.servers import PROJECT, restart_postgres, wait_until

FIELDS = int(os.environ.get("LOAD_FIELDS", "200000"))
REVIEWERS = int(os.environ.get("LOAD_REVIEWERS", "50"))
SECONDS = float(os.environ.get("LOAD_SECONDS", "600"))
EDITS = round(FIELDS / 1.55)  # the sandbox's edits have 1.55 fields on average
IDLE_SECONDS = min(60.0, SECONDS / 4)
THINKING = 10.0
LIST_MS, APPROVE_MS = 400, 600
HOSTS = ("a", "b")
WORKERS = {
    "beat": "scheduler",
    **{f"periodic{host}": "workers that read" for host in HOSTS},
    **{f"writing{host}": "workers that write" for host in HOSTS},
}
STOP_SECONDS = 60
_WAITING = """
    SELECT DISTINCT ON (r.target_id) r.id::text FROM syncapp_syncrecord AS r
    JOIN syncapp_crmuser AS u ON u.id = r.editor_id
    WHERE NOT r.is_stub AND r.waiting_count > 0 AND u.entra_id IS NOT NULL ORDER BY r.target_id LIMIT %s
"""


def main() -> None:
    """Fill the CRM; measure one reviewer alone, then all of them during restarts; report the results."""
    defaults = {"UNDO_SECONDS": "10", "PULL_SECONDS": "5", "WEB_PROCESSES": "2"}  # tests use other values
    with running_installation("--empty", durable=True, hosts=HOSTS, **defaults) as made:
        heading(f"load: {REVIEWERS} reviewers for {SECONDS:.0f} s, thinking {THINKING:.0f} s, PostgreSQL")
        since = _fill(made)
        cookies, edits = _sign_in(made), _edits(made)
        shares = [iter(edits[first :: REVIEWERS + 1]) for first in range(REVIEWERS + 1)]
        alone = _at_work(made, cookies[:1], shares[:1], IDLE_SECONDS, thinking=1.0)
        restarts = Restarts(made, SECONDS)
        begun = time.monotonic()
        with Processors(lambda: _kinds(made)) as processors:
            together = _at_work(made, cookies, shares[1:], SECONDS, thinking=THINKING, meanwhile=restarts)
        seconds = time.monotonic() - begun
        _wait_for_deliveries(made)
        account = load_ledger.judge(
            made.database.url, _ask(made, f"ledger?since={since}"), [*alone.approved, *together.approved]
        )
        _report(alone, together, account, restarts)
        _report_processors(processors.seconds(), seconds, requests=len(together.given))


def _fill(made: Installation) -> int:
    """Fill the CRM, and wait until the portal has read it; return the number of the ledger's last entry."""
    started = time.monotonic()
    world = {"users": 200, "contacts": EDITS + 1_000, "pending": EDITS, "filters": 6, "seed": 1}
    _ask(made, "reset", world)
    filled = time.monotonic()

    def is_read() -> bool:
        # A few of the sandbox's edits have no fields, so they are never shown.
        shown = "SELECT count(*) FROM syncapp_syncrecord WHERE NOT is_stub"
        return _rows(made, shown)[0][0] >= EDITS * 0.999

    wait_until(is_read, seconds=3600, what="the portal has read every edit")
    count = _rows(made, "SELECT count(*) FROM syncapp_syncfield")[0][0]
    line("staged fields", f"{count:,}", f"CRM filled in {filled - started:.0f} s, read in {_since(filled)}")
    size = _rows(made, "SELECT pg_database_size(current_database()) / 1000000")[0][0]
    line("the portal's database", f"{size:,} MB")
    with closing(sqlite3.connect(made.folder / "crm.sqlite3")) as connection:
        return int(connection.execute("SELECT coalesce(max(seq), 0) FROM ledger").fetchone()[0])


def _since(moment: float) -> str:
    return f"{time.monotonic() - moment:.0f} s"


def _sign_in(made: Installation) -> list[dict[str, str]]:
    """Return a session cookie for each reviewer."""
    command = [sys.executable, "-m", "benches.load_sessions", str(REVIEWERS)]
    done = subprocess.run(
        command, cwd=PROJECT, env=dict(made.environment), check=True, stdout=subprocess.PIPE, text=True
    )
    found: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _edits(made: Installation) -> list[str]:
    """Return enough waiting edits, each of another contact, whose editors are known."""
    wanted = round(REVIEWERS * (SECONDS / THINKING) * 1.5 + 200)
    wait_until(lambda: len(_rows(made, _WAITING, wanted)) == wanted, seconds=600, what="the editors are known")
    return [str(row) for (row,) in _rows(made, _WAITING, wanted)]


def _at_work(
    made: Installation,
    cookies: Sequence[dict[str, str]],
    shares: Sequence[Iterator[str]],
    seconds: float,
    *,
    thinking: float,
    meanwhile: threading.Thread | None = None,
) -> Answers:
    authority = made.folder / "proxy-tls/certificate.pem"
    pairs = zip(cookies, shares, strict=True)
    reviewers = [Reviewer(made.url, authority, cookie, share, thinking=thinking) for cookie, share in pairs]
    return load_reviewers.at_work(reviewers, seconds, meanwhile=meanwhile)


def _kinds(made: Installation) -> dict[int, str]:
    """Return the kind of each process by its pid."""
    servers = [
        ("PostgreSQL", made.database),
        ("Redis", made.broker),
        ("nginx", made.proxy),
        ("the CRM", made.sandbox),
        *(("portals", portal) for portal in list(made.portals.values())),
        *((WORKERS[name], worker) for name, worker in list(made.workers.items())),
    ]
    return {os.getpid(): "reviewers", **{server.process.pid: kind for kind, server in servers}}


class Restarts(threading.Thread):
    """A thread that restarts everything, one process after another at equal intervals."""

    def __init__(self, made: Installation, seconds: float) -> None:
        super().__init__(daemon=True)
        self._made, self._seconds = made, seconds
        self.done: list[tuple[str, float]] = []
        self.error: Exception | None = None

    def run(self) -> None:
        """Perform each step at its time; keep an error for the report."""
        first, second = self._made.portals
        steps: list[tuple[str, Callable[[], None]]] = [
            ("a portal", lambda: self._portal(first)),
            ("a worker that reads", lambda: self._worker("periodic", "a")),
            ("Redis flushed", self._flush),
            ("a worker that writes", lambda: self._worker("writing", "a")),
            ("the scheduler", lambda: self._worker("beat", "")),
            ("PostgreSQL", lambda: restart_postgres(self._made.database)),
            ("the other portal", lambda: self._portal(second)),
            ("the other worker that reads", lambda: self._worker("periodic", "b")),
            ("the other worker that writes", lambda: self._worker("writing", "b")),
        ]
        begun = time.monotonic()
        try:
            for number, (name, step) in enumerate(steps, start=1):
                time.sleep(max(0.0, begun + number * self._seconds / (len(steps) + 1) - time.monotonic()))
                self.done.append((name, time.monotonic()))
                step()
        except Exception as error:  # noqa: BLE001  (reported at the end)
            self.error = error

    def _portal(self, port: int) -> None:
        self._made.portals.pop(port).stop(seconds=STOP_SECONDS)
        self._made.start_portal(port)

    def _worker(self, name: str, host: str) -> None:
        self._made.workers.pop(name + host).stop(seconds=STOP_SECONDS)
        self._made.start_worker(name, host)

    def _flush(self) -> None:
        with redis.Redis.from_url(self._made.broker.url) as client:
            client.flushall()


def _wait_for_deliveries(made: Installation) -> None:
    started, is_open = time.monotonic(), "SELECT 1 FROM syncapp_decision WHERE state IN ('open', 'bound') LIMIT 1"
    with psycopg.connect(made.database.url, autocommit=True) as connection:
        wait_until(
            lambda: connection.execute(is_open.encode()).fetchone() is None,
            seconds=900,
            what="every decision is delivered",
        )
    line("the last decisions were delivered after", _since(started))


def _rows(made: Installation, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(made.database.url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def _ask(made: Installation, path: str, body: object = None) -> Any:
    """Call one of the sandbox's switches; without a body, read it."""
    address, authority = f"{made.crm}/sandbox/{path}", made.environment["CA_BUNDLE"]
    method = "GET" if body is None else "POST"
    answer = requests.request(method, address, json=body, verify=authority, timeout=1800)
    answer.raise_for_status()
    return answer.json()


def _report(alone: Answers, together: Answers, account: load_ledger.Account, restarts: Restarts) -> None:
    limits = {"list": LIST_MS, "edit": LIST_MS, "approve": APPROVE_MS}
    for kind, limit in limits.items():
        idle, busy = alone.milliseconds(kind), together.milliseconds(kind)
        slow, usual = busy.percentile(0.95), idle.percentile(0.95)
        line(f"{kind}: p50, p95", f"{busy.median:.0f} ms, {slow:.0f} ms", target(slow, limit, unit=" ms"))
        line("  one reviewer alone", f"{idle.median:.0f} ms, {usual:.0f} ms", f"p95 {slow / usual:.2f} times")
    line("requests, approvals", f"{len(together.given):,}, {len(together.approved):,}")
    line("decisions, by state", f"{account.decisions:,}", str(dict(account.states)))
    line("lost, twice", f"{len(account.lost)}, {len(account.twice)}", target(len(account.lost + account.twice), 0))
    for found in (account.lost + account.twice)[:10]:
        line("", found)
    failed = together.failed()
    line("failed requests", f"{len(failed)}", target(len(failed), 0))
    for answer in failed[:20]:
        line(f"  {answer.kind}: {answer.status}", f"{answer.seconds:.1f} s", _after(answer.begun, restarts.done))
    if restarts.error is not None:
        figures.note_missed("restarts")
        line("restarts ended with", repr(restarts.error))


def _report_processors(used: Mapping[str, float], seconds: float, *, requests: int) -> None:
    """Print the processor time, in total and by kind of process."""
    total, cores = sum(used.values()), os.cpu_count() or 1
    line("processors in use", f"{total / seconds:.2f} of {cores}", f"load {os.getloadavg()[0]:.1f} of the machine")
    for kind, each in sorted(used.items(), key=lambda item: -item[1]):
        line(f"  {kind}", f"{each / seconds:.3f}", f"{each / requests * 1000:.0f} ms per request")


def _after(moment: float, done: Sequence[tuple[str, float]]) -> str:
    """Return in words how long after the last restart this moment was."""
    before = [(name, at) for name, at in done if at <= moment + 1]
    return f"{moment - before[-1][1]:.1f} s after {before[-1][0]}" if before else "before all restarts"
