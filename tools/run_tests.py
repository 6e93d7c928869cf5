"""The test suite in lanes, one after the other, each on all cores, with one summary and one exit status.

`python -m tools.run_tests unit journeys` runs these lanes only; arguments after `--` go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.interop import environments
from tests.support import servers
from tools.lanes import Lane, lanes

NOTHING_COLLECTED = 5
WORKERS = max(2, os.cpu_count() or 2)
# Each lane has its own database. Without bytecode files, each of its hundreds of processes would compile everything.
NOT_FOR_LANES = ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE")


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
    # Variables that the caller has set take precedence over those of the lane.
    environment = {**lane.environment, **{name: os.environ[name] for name in os.environ if name not in NOT_FOR_LANES}}
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
    """Print one line per lane, and the lanes that were not run."""
    print_line("")
    for result in results:
        times = f"{result.seconds:6.1f} s ({result.processor_seconds:4.0f} s processor time)"
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
        print_line(f"The lanes are {', '.join(lane.name for lane in lanes())}; unknown: {', '.join(sorted(unknown))}.")
        return 2
    begun = time.monotonic()
    if not wanted or "interop" in wanted:
        # Downloads run during the first lane. The interop lane waits for them and reports failures.
        threading.Thread(target=environments.missing, daemon=True).start()
    chosen = [lane for lane in lanes() if lane.name in wanted or not (wanted or lane.only_by_name)]
    results = run_all(chosen, extra)
    summary(results, time.monotonic() - begun)
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
