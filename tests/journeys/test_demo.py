"""`manage.py demo` with real processes: one line when ready, and no process left when it ends."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import requests

from tests.capture.conftest import Company
from tests.support.servers import Server, free_port, launch, wait_until

pytestmark = pytest.mark.journey

READY_SECONDS = 200  # on a busy machine; alone it takes about 6
AUDIT_DELAY, PULL_SECONDS = 3, 5
OWN = ("DATABASE_URL", "REDIS_URL", "BASE_URL", "CRM_ORIGIN", "CRM_AUTHORITY", "DJANGO_SETTINGS_MODULE", "FAILPOINTS")


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[Demos]:
    """Yield a starter of demos in one folder, and stop demos that a failed test left."""
    started = Demos(tmp_path)
    yield started
    started.clear_away()


class Demos:
    """Demos of one folder with their own ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.portal, self.sandbox, self.smtp = free_port(), free_port(), free_port()
        self.servers: list[Server] = []
        self._seen: list[psutil.Process] = []

    def start(self, **environment: str) -> Server:
        """Start one; its output is in `output()`."""
        clean = {name: value for name, value in os.environ.items() if name not in OWN}
        ours = {
            "DEMO_DIR": str(self.folder / "demo"),
            "DEMO_USERS": "20",  # creating a whole company takes a second of each start
            "PORTAL_PORT": str(self.portal),
            "SANDBOX_PORT": str(self.sandbox),
            "SMTP_PORT": str(self.smtp),
        }
        log = self.folder / f"output-{len(self.servers)}"
        url = f"http://127.0.0.1:{self.portal}"
        server = launch(
            [sys.executable, "manage.py", "demo"], url=url, log=log, environment={**clean, **ours, **environment}
        )
        self.servers.append(server)
        return server

    def start_and_wait(self, **environment: str) -> Server:
        server = self.start(**environment)
        deadline = time.monotonic() + READY_SECONDS
        while "Portal ready" not in server.output():
            assert server.process.poll() is None, server.output()
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.1)
        return server

    def story(self) -> str:
        """Return the logs, for a failed test."""
        logs = sorted((self.folder / "demo" / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def processes(self, server: Server) -> list[psutil.Process]:
        """Return the demo's processes with all descendants."""
        found = psutil.Process(server.process.pid).children(recursive=True)
        self._seen += found
        return found

    def log(self) -> str:
        return (self.folder / "demo" / "logs" / "demo.log").read_text()

    def clear_away(self) -> None:
        for server in self.servers:
            if server.process.poll() is None:
                self.processes(server)
                server.kill()
        for process in self._seen:
            if process.is_running():
                process.kill()


def service(processes: list[psutil.Process], word: str) -> psutil.Process:
    """Return the topmost process whose command line contains `word`."""
    return next(process for process in processes if word in process.cmdline())


def end(server: Server, number: signal.Signals = signal.SIGTERM, *, seconds: float = 15) -> int:
    server.process.send_signal(number)
    return server.process.wait(seconds)


def all_have_ended(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != "zombie"]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10)


# A start takes six seconds of processor time, so each demo here tests as many related steps as possible.


def test_demo_starts_once_and_stops_cleanly(demos: Demos) -> None:
    demo = demos.start_and_wait()
    first, *more = demo.output().splitlines()
    assert first == f"Portal ready: {demo.url}"
    for words in ("as Rita or Rob", f"http://127.0.0.1:{demos.sandbox}", "Ctrl-C", str(demos.folder / "demo")):
        assert any(words in line for line in more), words
    assert "Sign in with Microsoft" in get(f"{demo.url}/review/").text
    assert_a_second_one_is_refused(demos)
    assert get(f"{demo.url}/healthz").json()["well"] is True
    assert_an_edit_is_mailed_before_anyone_signs_in(demos)
    processes = demos.processes(demo)

    assert end(demo) == 0

    assert all_have_ended(processes)
    assert demo.output().splitlines() == [first, *more, "Stopping…"]
    assert is_free(demos.portal)
    assert is_free(demos.sandbox)


def assert_a_second_one_is_refused(demos: Demos) -> None:
    """Assert that a second demo in the same folder is refused."""
    second = demos.start(PORTAL_PORT=str(free_port()), SANDBOX_PORT=str(free_port()), SMTP_PORT=str(free_port()))
    assert second.process.wait(30) == 1
    assert "is already running" in second.output()


def assert_an_edit_is_mailed_before_anyone_signs_in(demos: Demos) -> None:
    """Assert that an Outlook edit after the first pull is mailed, and none before."""
    sandbox = f"http://127.0.0.1:{demos.sandbox}"
    wait_until(lambda: edits(demos), seconds=60, what="the first reading")
    with requests.Session() as session:
        session.trust_env = False
        contact = edits(demos)[0][-1]
        changes = {"jobtitle": "Head of First Mails"}
        session.post(f"{sandbox}/sandbox/outlook", json={"contact": str(UUID(contact)), "changes": changes})

    def readers() -> set[str]:
        sent = get(f"{sandbox}/mail/?format=json").json()
        return {mail["to"].partition(".")[0] for mail in sent if "Head of First Mails" in mail["text"]}

    wait_until(lambda: readers() == {"rita", "rob", "ada"}, seconds=60, what="mails to every reviewer")


def test_second_start_keeps_data(demos: Demos) -> None:
    end(demos.start_and_wait(), signal.SIGINT)
    before = edits(demos)

    demo = demos.start_and_wait()
    processes = demos.processes(demo)
    demo.kill()

    wait_until(lambda: all_have_ended(processes), what=f"gone: {processes}")
    assert before
    assert edits(demos) == before


def edits(demos: Demos) -> list[tuple[str, ...]]:
    with sqlite3.connect(demos.folder / "demo" / "portal.sqlite3") as database:
        return database.execute("SELECT id, name, generation, target_id FROM syncapp_syncrecord ORDER BY id").fetchall()


@pytest.mark.long
def test_only_originals_of_outlook_edits_are_restored_promptly(demos: Demos) -> None:
    demos.start_and_wait(CAPTURE="audit", PULL_SECONDS=str(PULL_SECONDS))
    company = Company(f"http://127.0.0.1:{demos.sandbox}")
    company.audit(delay_seconds=AUDIT_DELAY)
    company.begin_ledger()
    titles = {row["contactid"]: row["jobtitle"] for row in company.rows("contacts")}
    edited, others = list(titles)[:3], list(titles)[3:]
    writers = dict(zip(others, ("erp", "flow", "form_without_script", "form"), strict=False))
    for contact, writer in writers.items():
        company.write(writer, UUID(contact), jobtitle=f"By {writer}")
    company.import_all(fax="+49 1")
    for contact in edited:
        company.outlook(UUID(contact), jobtitle="Head of Capture")

    wait_until(lambda: len(moments(company, old="Head of Capture")) == 3, seconds=90, what="the originals are back")
    wait_until(lambda: len(audited(company)) >= 3, seconds=30, what="the edits are staged")

    began, ended = moments(company, new="Head of Capture"), moments(company, old="Head of Capture")
    # The quickest restore, because a busy machine may delay each of them.
    assert (
        min((ended[contact] - began[contact]).total_seconds() for contact in edited) <= AUDIT_DELAY + 10 + PULL_SECONDS
    )
    assert sorted(audited(company)) == sorted(edited)
    expected = titles | {contact: f"By {writer}" for contact, writer in writers.items()}
    after = company.rows("contacts")
    assert {row["contactid"]: row["jobtitle"] for row in after} == expected
    assert {row["fax"] for row in after} == {"+49 1"}


def moments(company: Company, **value: str) -> dict[str, datetime]:
    """Return when a job title became the `new` one, or was no longer the `old` one, by contact."""
    ((which, title),) = value.items()
    position = ("old", "new").index(which)
    return {
        entry["id"]: datetime.fromisoformat(entry["at"])
        for entry in company.ledger("contact", ours=False)
        if "jobtitle" in entry["changes"] and entry["changes"]["jobtitle"][position] == title
    }


def audited(company: Company) -> list[str]:
    """Return the contacts of the edits that capture staged."""
    return [row["osync_targetid"] for row in company.rows("osync_syncrecords") if row["osync_source"] == "audit"]


@pytest.mark.long
def test_demo_restarts_dead_and_ends_hanging_children(demos: Demos) -> None:
    demo = demos.start_and_wait()

    for word in ("worker", "portal.wsgi", "dataverse_sandbox"):
        service(demos.processes(demo), word).kill()

    for name in ("worker", "web", "sandbox"):
        wait_until(lambda name=name: f"{name} started again" in demos.log(), what=f"{name} is back")
    assert demos.log().count("ended with code -9, starting again in 1 s") == 3
    wait_until(lambda: not is_free(demos.portal) and get(f"{demo.url}/healthz").ok, seconds=60, what="well again")
    processes = demos.processes(demo)
    service(processes, "worker").suspend()
    assert end(demo) == 0
    assert all_have_ended(processes)


@pytest.mark.parametrize("which", ["portal", "sandbox", "smtp"])
def test_port_in_use_is_reported_in_one_line(demos: Demos, which: str) -> None:
    port = getattr(demos, which)
    with socket.create_server(("127.0.0.1", port)):
        demo = demos.start()

        assert demo.process.wait(30) == 1

    ports = {name: getattr(demos, name) for name in ("portal", "sandbox", "smtp")}
    error, _, advice = demo.output().partition(" Choose another one: ")
    assert error == f"CommandError: Port {port} is in use."
    advised = dict(word.split("=") for word in shlex.split(advice.removesuffix(" make demo\n")))
    free = advised.pop(f"{which.upper()}_PORT")
    assert int(free) not in ports.values()
    kept = {f"{name.upper()}_PORT": str(each) for name, each in ports.items() if name != which}
    assert advised == kept | {"DEMO_DIR": str(demos.folder / "demo"), "DEMO_USERS": "20"}
    assert is_free(demos.portal)
    assert is_free(demos.sandbox)


@pytest.mark.parametrize(
    ("variable", "value"), [("PORTAL_PORT", "abc"), ("SMTP_PORT", "70000"), ("DEMO_USERS", "lots"), ("DEMO", "maybe")]
)
def test_bad_value_is_reported_in_one_line(demos: Demos, variable: str, value: str) -> None:
    demo = demos.start(**{variable: value})

    assert demo.process.wait(30) == 1

    assert demo.output().count("\n") == 1
    assert demo.output().startswith(f"Error: {variable} must be ")
    assert value in demo.output()


@pytest.mark.long
def test_failing_child_is_reported_at_once(demos: Demos) -> None:
    (demos.folder / "demo" / "sandbox.sqlite3").mkdir(parents=True)
    demo = demos.start()

    wait_until(lambda: "sandbox ended with code 1" in demo.output(), seconds=60)

    assert "sandbox.log. Starting it again." in demo.output()
    demos.processes(demo)
    end(demo)


def test_demo_refuses_real_configuration(demos: Demos) -> None:
    demo = demos.start(DEMO="off", SECRET_KEY="k" * 60)

    assert demo.process.wait(30) == 1
    assert "DEMO is off" in demo.output() or "osync.E" in demo.output()
