"""The lanes of the test suite name files that exist, because a lane with a wrong name would still pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import lanes as suite
from tools import slow_tests

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("lane", suite.lanes(), ids=lambda lane: lane.name)
def test_lane_names_existing_files(lane: suite.Lane) -> None:
    paths = [argument.removeprefix("--ignore=") for argument in lane.arguments]

    assert [path for path in paths if "/" in path and not (PROJECT / path).exists()] == []


def test_lanes_have_different_names() -> None:
    names = [lane.name for lane in suite.lanes()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("postgres", [False, True])
def test_every_journey_runs_on_both_databases(postgres: bool) -> None:
    chosen = [lane for lane in suite.lanes() if lane.postgres is postgres]
    files = {str(path.relative_to(PROJECT)) for path in (PROJECT / "tests/journeys").glob("test_*.py")}
    apart = suite.LONG_JOURNEYS if not postgres else []  # thousands of users, for which SQLite is not intended

    covered = {path for path in files for lane in chosen if covers(lane, path)}

    assert files - covered == set(apart)


def test_only_long_journeys_are_omitted_by_default() -> None:
    chosen = [lane for lane in suite.lanes() if not lane.only_by_name]
    files = {str(path.relative_to(PROJECT)) for path in (PROJECT / "tests/journeys").glob("test_*.py")}

    assert {path for path in files if not any(covers(lane, path) for lane in chosen)} == set(suite.LONG_JOURNEYS)


def covers(lane: suite.Lane, path: str) -> bool:
    """Return whether a lane runs the journeys of this file."""
    arguments = set(lane.arguments)
    return f"--ignore={path}" not in arguments and bool(arguments & {path, "tests/journeys"})


def test_every_long_browser_test_has_a_lane() -> None:
    long = next(lane for lane in suite.lanes() if lane.name == "browser-long")
    files = (PROJECT / "tests/browser").glob("test_*.py")
    marked = {f"tests/browser/{path.name}" for path in files if "mark.long" in path.read_text()}

    assert marked
    assert marked <= set(long.arguments)


def test_quick_lane_omits_exactly_the_slow_tests() -> None:
    unit, quick = (next(lane for lane in suite.lanes() if lane.name == name) for name in ("unit", "quick"))

    assert set(quick.arguments) - set(unit.arguments) == {f"--ignore={path}" for path in slow_tests.SLOW_TESTS}


def test_slow_files_are_read_from_a_report(tmp_path: Path) -> None:
    times = {"tests.web.test_a": (0.15, 0.11), "tests.web.test_b": (0.15, 0.01), "tests.project.test_c": (9,)}
    cases = [f'<testcase classname="{name}" time="{time}"/>' for name, found in times.items() for time in found]
    report = tmp_path / "unit.xml"
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")

    assert slow_tests.slow_files(str(report)) == ["tests/web/test_a.py"]
