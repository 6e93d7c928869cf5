"""Failpoints named by tests exist in the code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.machine import failpoints

ROOT = Path(__file__).parents[2]
CALL = re.compile(r'failpoint\(f?"([^"]+)"')
KILL = re.compile(r'kill_at\("([^"]+)"|^\s+"((?:delivery|mirror|tick)\.[a-z.]+)",$', re.MULTILINE)


def points_of_code() -> list[re.Pattern[str]]:
    """Return patterns of the failpoints; a formatted part stands for any word. Points of single rows are left out."""
    found = {name for path in ROOT.joinpath("syncapp").rglob("*.py") for name in CALL.findall(path.read_text())}
    named = {name for name in found if not name.endswith("}")}
    return [re.compile(re.sub(r"\\{.*?\\}", r"[\\w-]+", re.escape(name))) for name in named]


def test_named_failpoints_exist() -> None:
    journeys = "".join(path.read_text() for path in ROOT.joinpath("tests/journeys").glob("*.py"))
    in_journeys = {first or second for first, second in KILL.findall(journeys)}
    named = {*failpoints.DELIVERY_POINTS, *failpoints.MORE_POINTS, *in_journeys}
    known = points_of_code()

    assert len(in_journeys) > 15
    assert [name for name in sorted(named) if not any(point.fullmatch(name) for point in known)] == []
