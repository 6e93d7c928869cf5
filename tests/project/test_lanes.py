"""The lanes of the test suite name files that exist; a lane that ignored a renamed file would still pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import run_tests

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("lane", run_tests.lanes(), ids=lambda lane: lane.name)
def test_lane_names_existing_files(lane: run_tests.Lane) -> None:
    paths = [argument.removeprefix("--ignore=") for argument in lane.arguments]

    assert [path for path in paths if "/" in path and not (PROJECT / path).exists()] == []


def test_lanes_have_different_names() -> None:
    names = [lane.name for lane in run_tests.lanes()]

    assert len(names) == len(set(names))


def test_every_long_browser_test_has_a_lane() -> None:
    long = next(lane for lane in run_tests.lanes() if lane.name == "browser-long")
    files = (PROJECT / "tests/browser").glob("test_*.py")
    marked = {f"tests/browser/{path.name}" for path in files if "mark.long" in path.read_text()}

    assert marked
    assert marked <= set(long.arguments)
