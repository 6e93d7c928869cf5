"""The test suite in lanes, one after the other, each on all cores, with one summary and one exit status.

`python -m tools.run_tests unit journeys` runs these lanes only; arguments after `--` go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.interop import environments
from tests.support import chromium, servers, system_packages

NOTHING_COLLECTED = 5
WORKERS = max(2, os.cpu_count() or 2)
# These run on both databases; the client, the sandbox and most pages run on SQLite only.
PAGES_ON_BOTH = (
    "activity/test_activity",
    "base/test_null_characters",
    "filters/test_matrix",
    "review/test_queue",
    "review/test_queue_filters",
)
ON_BOTH = [
    *("tests/activity", "tests/connection", "tests/health", "tests/jobs", "tests/mirror", "tests/models"),
    *("tests/notifications", "tests/outbox", "tests/portal", "tests/review", "tests/sync_filters"),
    *(f"tests/web/{page}.py" for page in PAGES_ON_BOTH),
    *("tests/test_preferences.py", "tests/migrations/test_previous_release.py"),
]
# These start processes, try hundreds of inputs or fill large tables, and take more than half of the unit lane's time.
SLOW_UNIT_TESTS = (
    "dataverse_sandbox/tests/test_process.py",
    "dataverse_sandbox/tests/test_query_grammar.py",
    "tests/health/test_refusals.py",
    "tests/migrations",
    "tests/models/test_work_indexes.py",
    "tests/notifications/test_alerts.py",
    "tests/portal/test_startup.py",
    "tests/review/bulk/test_live_values.py",
    "tests/review/bulk/test_selections.py",
    "tests/sync_filters/runs/test_job.py",
    "tests/tenant/setup",
    "tests/web/base/test_csv_files.py",
    "tests/web/base/test_odd_addresses.py",
    "tests/web/review/test_links.py",
)
# Every state of an edit, and axe on every page in every color scheme: minutes that not every change needs.
LONG_IN_A_BROWSER = [
    f"tests/browser/test_{name}.py"
    for name in (
        *("activity", "capture", "film", "filters", "link_pages", "more_states", "policies"),
        *("queue", "run_pages", "sandbox_pages", "settings", "states"),
    )
]
# Some tests in these files are marked as long.
PARTLY_LONG_IN_A_BROWSER = [
    f"tests/browser/test_{name}.py" for name in ("keyboard", "keys_and_panels", "mail", "review", "typing")
]
# Two thousand users and the limits of a real CRM; mailbox methods.
LONG_JOURNEYS = [f"tests/journeys/test_{name}.py" for name in ("many_filter_runs", "mailbox_runs")]
# In every run on SQLite only; on PostgreSQL, like a filter run of thousands, in a long lane.
ON_SQLITE_IN_SHORT = [
    f"tests/journeys/test_{name}.py" for name in ("breakers", "filter_runs", "mails_and_rules", "web_process")
]
# Locks and lost processes: in every run on PostgreSQL, as in production; on SQLite in a long lane.
ON_POSTGRES_IN_SHORT = [
    f"tests/journeys/test_{name}.py" for name in ("answers", "broker", "guards", "kills", "restore", "run_lists")
]
DEMO_JOURNEY = "tests/journeys/test_demo.py"  # the demo brings its own database
# Each lane has its own database. Without bytecode, each of its hundreds of processes would compile everything again.
NOT_FOR_LANES = ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE")


SPREAD = ["--dist", "worksteal"]
JOURNEYS = ["-m", "journey and not long", "tests/journeys"]
# Tables are made from the models. Migrations run in tests/migrations and in the journeys, on both databases.
AS_MODELLED = "--nomigrations"
IN_A_BROWSER = ["--dist", "loadfile", AS_MODELLED]


@dataclass(frozen=True, slots=True)
class Lane:
    """One run of pytest.

    `postgres` starts a server, which DATABASE_URL names. `environment` is added to that of the processes. `beside` is
    the lane that runs at the same time, if both run. `only_by_name` lanes run only when they are named. `needs` tries
    to install a requirement and returns what is missing; then the lane is skipped, or a part of it (`all_of_it`).
    """

    name: str
    what: str
    arguments: Sequence[str]
    postgres: bool = False
    needs: Callable[[], str] = lambda: ""
    all_of_it: bool = True
    only_by_name: bool = False
    beside: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a lane."""

    lane: Lane
    word: str
    counts: str
    seconds: float
    missing: str = ""
    processor_seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Return whether this result fails the whole run."""
        return self.word == "FAILED"


def lanes() -> list[Lane]:
    """Return all lanes, the quick ones first."""
    return [*_without_processes(), *_with_processes(), *_only_by_name()]


def _without_processes() -> list[Lane]:
    return [
        Lane("unit", "everything without processes, SQLite", ["-m", "not long", *_apart(), *SPREAD, AS_MODELLED]),
        Lane(
            "quick",
            "the unit lane without its slow tests",
            ["-m", "not long", *_apart(), *_ignored(SLOW_UNIT_TESTS), *SPREAD, AS_MODELLED],
            only_by_name=True,
        ),
        Lane(
            "unit-postgres",
            "what touches the database, PostgreSQL",
            # What the CRM refuses does not depend on the database.
            ["-m", "not long", *ON_BOTH, "--ignore=tests/health/test_refusals.py", *SPREAD, AS_MODELLED],
            postgres=True,
        ),
        Lane("machine", "the state machine, SQLite", ["tests/machine", AS_MODELLED]),
    ]


def _apart() -> list[str]:
    """Return the options that leave out tests with their own lanes."""
    return _ignored(
        f"tests/{folder}" for folder in ("machine", "interop", "journeys", "faults", "browser", "deployment")
    )


def _with_processes() -> list[Lane]:
    short = [*JOURNEYS, *_ignored(LONG_JOURNEYS), *SPREAD]
    on_postgres = [*short, *_ignored([DEMO_JOURNEY, *ON_SQLITE_IN_SHORT])]
    once = {"JOURNEY_ROUNDS": "1"}
    return [
        Lane(
            "journeys",
            "whole stories with real processes, SQLite",
            [*short, *_ignored(ON_POSTGRES_IN_SHORT)],
            environment=once,
        ),
        Lane(
            "journeys-postgres",
            "whole stories with real processes, every kill, PostgreSQL",
            on_postgres,
            postgres=True,
            environment=once,
        ),
        Lane(
            "interop",
            "outside clients against the sandbox",
            ["tests/interop", "--dist", "loadfile"],
            needs=environments.missing,
            all_of_it=False,
        ),
        Lane(
            "browser",
            "a real Chromium",
            # One process, and so one demo, is fast enough beside the unit lane.
            ["-n", "1", "-m", "browser and not long", *IN_A_BROWSER, "tests/browser", *_ignored(LONG_IN_A_BROWSER)],
            needs=_chromium,
            beside="unit",  # a browser mostly waits, and is installed meanwhile if there is none
            environment={"DEMO_USERS": "40"},  # reading a whole company's filters slows every test
        ),
    ]


def _only_by_name() -> list[Lane]:
    on_postgres = ["-m", "journey", *LONG_JOURNEYS, *ON_SQLITE_IN_SHORT, DEMO_JOURNEY]
    kills = ["-m", "journey", "tests/journeys/test_kills.py", *SPREAD]
    five = {"JOURNEY_ROUNDS": "5"}
    return [
        Lane(
            "unit-long",
            "the same as in unit, with a thousand examples",
            ["-m", "long", *_apart(), *SPREAD, AS_MODELLED],
            only_by_name=True,
        ),
        Lane(
            "machine-long",
            "a thousand runs of the state machine and every seeded bug, SQLite",
            ["tests/machine", AS_MODELLED],
            environment={"MACHINE_RUNS": "1000", "MACHINE_BUGS": "all"},
            only_by_name=True,
        ),
        Lane(
            "migrations-postgres",
            "every migration forward and back, interrupted anywhere, PostgreSQL",
            ["-m", "long", "tests/migrations", *SPREAD, AS_MODELLED],
            postgres=True,
            only_by_name=True,
        ),
        Lane(
            "journeys-long",
            "a filter run of thousands and the stories that a short run tells on SQLite only, PostgreSQL",
            on_postgres,
            postgres=True,
            only_by_name=True,
        ),
        Lane(
            "kills",
            "every kill five times, lost answers, guards and restores, SQLite",
            ["-m", "journey", *ON_POSTGRES_IN_SHORT, *SPREAD],
            environment=five,
            only_by_name=True,
        ),
        Lane(
            "kills-postgres",
            "every kill five times, PostgreSQL",
            kills,
            environment=five,
            postgres=True,
            only_by_name=True,
        ),
        *_faults(),
        Lane(
            "deployment",
            "the processes of deploy/ with production settings, behind nginx and over TLS",
            ["tests/deployment", "-n", "0"],
            needs=lambda: _chromium() or _nginx(),
            only_by_name=True,
        ),
        Lane(
            "browser-long",
            "every state and color scheme in a real Chromium, a hundred edits by keys",
            ["-m", "browser", *IN_A_BROWSER, *LONG_IN_A_BROWSER, *PARTLY_LONG_IN_A_BROWSER],
            environment={"KEYBOARD_EDITS": "100"},
            needs=_chromium,
            only_by_name=True,
        ),
    ]


def _faults() -> list[Lane]:
    paths = ["tests/faults", "--dist", "loadfile"]
    return [
        Lane(
            "faults",
            "connections cut, silent and refused, processes ended, clocks shifted, a full disk, SQLite",
            paths,
            needs=_faketime,
            all_of_it=False,
            only_by_name=True,
        ),
        Lane(
            "faults-postgres",
            "connections cut, silent and refused, processes ended, clocks shifted, PostgreSQL",
            paths,
            postgres=True,
            needs=_faketime,
            all_of_it=False,
            only_by_name=True,
        ),
    ]


def _ignored(paths: Iterable[str]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def _chromium() -> str:
    if chromium.find() or chromium.install():
        return ""
    return "no Chromium, and it cannot be installed here; install it or set CHROMIUM"


def _nginx() -> str:
    if shutil.which("nginx") or system_packages.install("nginx-light"):
        return ""
    return "no nginx, and it cannot be installed here"


def _faketime() -> str:
    if shutil.which("faketime") or system_packages.install("faketime"):
        return ""
    return "no faketime to shift clocks, and it cannot be installed here"


def run_all(chosen: Sequence[Lane], extra: Sequence[str]) -> list[Result]:
    """Run these lanes in turn, some with another one at the same time."""
    names = {lane.name for lane in chosen}
    results: list[Result] = []
    for lane in (each for each in chosen if each.beside not in names):
        with ThreadPoolExecutor() as pool:
            beside = [pool.submit(_run_beside, each, extra) for each in chosen if each.beside == lane.name]
            results += [run(lane, extra), *(each.result() for each in beside)]
    return results


def _run_beside(lane: Lane, extra: Sequence[str]) -> Result:
    """Run a lane beside another one; print its output at the end."""
    with tempfile.TemporaryFile("w+") as log:
        result = run(lane, extra, log=log)
        log.seek(0)
        print_line(f"--- output of {lane.name}:\n{log.read()}")
    return result


def run(lane: Lane, extra: Sequence[str], *, log: IO[str] | None = None) -> Result:
    """Run one lane with its servers; its output goes to `log` or to the terminal."""
    print_line(f"--- {lane.name}: {lane.what}")
    begun = time.monotonic()
    missing = lane.needs()
    if missing and lane.all_of_it:
        return Result(lane, "SKIPPED", missing, 0.0, missing)
    with servers.postgres() if lane.postgres else nullcontext() as database, tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code, used = _pytest(lane, extra, report, database, log)
        word = "passed" if code == 0 else "empty" if code == NOTHING_COLLECTED else "FAILED"
        counts = _counts(report)
    return Result(lane, word, counts, time.monotonic() - begun, missing, used)


def _pytest(
    lane: Lane, extra: Sequence[str], report: Path, database: servers.Server | None, log: IO[str] | None
) -> tuple[int, float]:
    """Return the exit code and the processor seconds of pytest and its children."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(WORKERS), f"--junitxml={report}"]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_LANES}
    environment |= lane.environment
    if database is not None:
        environment["DATABASE_URL"] = database.url
    process = subprocess.Popen(
        [*command, *lane.arguments, *extra],
        cwd=servers.PROJECT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT if log else None,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


def _counts(report: Path) -> str:
    if not report.exists():
        return "no report"
    tree = ElementTree.parse(report)  # noqa: S314  (written by our own pytest)
    suites: list[dict[str, Any]] = [suite.attrib for suite in tree.getroot().iter("testsuite")]
    total, bad, skipped = (
        sum(int(suite[name]) for suite in suites for name in names)
        for names in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return f"{total} tests" + (f", {bad} failed" if bad else "") + (f", {skipped} skipped" if skipped else "")


def print_line(text: str) -> None:
    """Print at once, in order with pytest's own output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def summary(results: Sequence[Result], seconds: float) -> None:
    """Print one line per lane, and what was not run."""
    print_line("")
    for result in results:
        times = f"{result.seconds:6.1f} s ({result.processor_seconds:4.0f} s of a processor)"
        print_line(f"{result.word:<8} {result.lane.name:<18} {times}  {result.counts}")
    for result in results:
        if result.missing:
            part = "" if result.lane.all_of_it else "a part of "
            print_line(f"\n*** NOT RUN: {part}{result.lane.name}: {result.missing}. ***")
    print_line(f"\n{'FAILED' if any(result.failed for result in results) else 'passed'} in {seconds:.0f} s")


def main(arguments: Sequence[str]) -> int:
    """Run the named lanes; return 0 if none failed."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    wanted, extra = arguments[:at], arguments[at + 1 :]
    unknown = set(wanted) - {lane.name for lane in lanes()}
    if unknown:
        print_line(f"Lanes are {', '.join(lane.name for lane in lanes())}; unknown: {', '.join(sorted(unknown))}.")
        return 2
    begun = time.monotonic()
    if not wanted or "interop" in wanted:
        # Downloads start beside the first lane. The interop lane waits for them and reports failures.
        threading.Thread(target=environments.missing, daemon=True).start()
    chosen = [lane for lane in lanes() if lane.name in wanted or not (wanted or lane.only_by_name)]
    results = run_all(chosen, extra)
    summary(results, time.monotonic() - begun)
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
