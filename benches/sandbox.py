"""The sandbox at full size: start with existing data, response times, and requests per second."""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from urllib.parse import quote

import requests

from benches import stage
from benches.figures import Spread, at_least, heading, line, target
from tests.support import servers

WORLD = {"users": 20_000, "contacts": 200_000, "pending": 650_000, "filters": 6, "seed": 1}
ROUNDS, SECONDS, CALLERS = 60, 8.0, 4
LISTS = {
    "another user's filters": "userqueries?$filter=querytype eq 256 and _ownerid_value eq {user}",
    "a user's mailbox": "mailboxes?$filter=_regardingobjectid_value eq {user}",
    "contacts by name, first 50": "contacts?$filter=startswith(lastname,'Web')&$top=50",
    "contacts changed last, first 50": "contacts?$orderby=modifiedon desc&$top=50",
    "a contact by its e-mail": "contacts?$filter=emailaddress1 eq '{mail}'",
    "edits, oldest first, first 50": "osync_syncrecords?$orderby=osync_editedon&$top=50",
    "the staged fields of an edit": "osync_syncfields?$filter=_osync_syncrecord_value eq {edit}",
    "staged fields, one page of 500": "osync_syncfields?$top=500",
    "meetings with their attendees, first 50": "appointments?$orderby=scheduledstart&$top=50"
    "&$expand=appointment_activity_parties",
}


def main() -> None:
    """Fill, stop, restart and measure the sandbox. A folder named in SANDBOX_WORLD is kept and filled only once."""
    kept = os.environ.get("SANDBOX_WORLD")
    with nullcontext(Path(kept)) if kept else servers.temporary_folder("osync-b-") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        filled = None if (folder / "filled").exists() else _fill(folder)
        with _running(folder) as (url, seconds):
            heading(f"sandbox: {WORLD['users']:,} users, {WORLD['contacts']:,} contacts, {WORLD['pending']:,} edits")
            size = f"{(folder / 'crm.sqlite3').stat().st_size / 1e9:.2f} GB"
            line("filling it", "filled before" if filled is None else f"{filled:.0f} s", size)
            line("start with existing data", f"{seconds:.2f} s", target(seconds, 2, unit=" s"))
            _measure(url)


def _fill(folder: Path) -> float:
    """Fill the folder; return the seconds it took."""
    with _running(folder) as (url, _seconds):
        started = time.monotonic()
        stage.control("POST", url, "reset", WORLD)
        filled = time.monotonic() - started
    (folder / "filled").touch()
    return filled


@contextmanager
def _running(folder: Path) -> Iterator[tuple[str, float]]:
    """Run the sandbox on this folder's file; yield its address and the seconds until it was ready."""
    port, started = servers.free_port(), time.monotonic()
    command = [sys.executable, "-m", "dataverse_sandbox", "--port", str(port), "--data", str(folder / "crm.sqlite3")]
    server = servers.launch([*command, "--empty"], url=f"http://127.0.0.1:{port}", log=folder / f"{port}.log")
    try:
        servers.wait_until(lambda: "Sandbox ready" in server.output(), what="the sandbox is ready")
        yield server.url, time.monotonic() - started
    finally:
        server.stop()


def _measure(url: str) -> None:
    caller = Caller(url)
    rows = caller.values("contacts", "contactid")
    asked = {
        "user": caller.values("systemusers", "systemuserid"),
        "edit": caller.values("osync_syncrecords", "osync_syncrecordid"),
        "mail": caller.values("contacts", "emailaddress1"),
    }
    single = caller.times(lambda number: f"contacts({rows[number]})?$select=fullname")
    line("one row by its id", single.show(" ms"), target(single.median, 3, unit=" ms"))
    for label, path in LISTS.items():
        line(label, caller.times(partial(_path, path, asked)).show(" ms"))
    rate = _rate(caller, [f"contacts({row})?$select=fullname" for row in rows])
    line("requests per second, with the load generator", f"{rate:.0f}", at_least(rate, 400))


def _path(template: str, asked: Mapping[str, list[str]], number: int) -> str:
    return template.format(**{name: values[number] for name, values in asked.items()})


class Caller:
    """A client of the sandbox with an access token."""

    def __init__(self, url: str) -> None:
        self.host = url.removeprefix("http://")
        session = requests.Session()
        session.trust_env = False
        found = session.post(f"{url}/sandbox/token", json={"user": "# Outlook Sync Portal"}, timeout=60).json()
        self.headers = {"Authorization": f"Bearer {found['access_token']}"}
        session.headers.update(self.headers)
        self._session, self._url = session, url

    def values(self, path: str, column: str) -> list[str]:
        """Return the first rows' values of a column."""
        query = f"{path}?$select={column}&$filter={column} ne null&$top=500"
        answer = self._session.get(f"{self._url}/api/data/v9.2/{query}", timeout=60)
        return [row[column] for row in answer.json()["value"]]

    def times(self, path: Callable[[int], str]) -> Spread:
        """Return the milliseconds of each call, on one connection."""
        connection = self.connect()
        return Spread.of(self._time(connection, path(number)) for number in range(ROUNDS))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=60)

    def _time(self, connection: http.client.HTTPConnection, path: str) -> float:
        started = time.perf_counter()
        self.ask(connection, path)
        return (time.perf_counter() - started) * 1_000

    def ask(self, connection: http.client.HTTPConnection, path: str) -> None:
        connection.request("GET", quote(f"/api/data/v9.2/{path}", safe="/$?=&(),'"), headers=self.headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, path


def _rate(caller: Caller, paths: list[str]) -> float:
    counts: list[int] = []
    threads = [threading.Thread(target=_hammer, args=(caller, paths[first:], counts)) for first in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def _hammer(caller: Caller, paths: list[str], counts: list[int]) -> None:
    connection, done, end = caller.connect(), 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        caller.ask(connection, paths[done % len(paths)])
        done += 1
    counts.append(done)
