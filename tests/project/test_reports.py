"""Reports of tests, as xdist sends them to its main process."""

from __future__ import annotations

from typing import Any

import execnet
import pytest
from _pytest.reports import TestReport

HALF = "half \ud83d of a character"


@pytest.fixture
def report() -> TestReport:
    """Return the report of a test that logged a lone surrogate and failed with one."""
    sections = [("Captured log call", HALF)]
    return TestReport("test_x.py::test_x", ("test_x.py", 1, "test_x"), {}, "failed", HALF, "call", sections)


def test_report_with_lone_surrogates_reaches_main_process(pytestconfig: pytest.Config, report: TestReport) -> None:
    sent: Any = pytestconfig.hook.pytest_report_to_serializable(config=pytestconfig, report=report)

    received = execnet.loads(execnet.dumps(sent))

    assert received["longrepr"] == r"half \ud83d of a character"
    assert received["sections"] == [("Captured log call", r"half \ud83d of a character")]
    assert received["location"] == ("test_x.py", 1, "test_x")


def test_raw_report_with_lone_surrogates_is_not_sendable(report: TestReport) -> None:
    with pytest.raises(execnet.DumpError):
        execnet.dumps(report._to_json())
