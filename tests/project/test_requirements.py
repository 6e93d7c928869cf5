"""What is installed is locked by hash and named without an address, so that any index may serve it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LOCKS = pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
A_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)


def plain(name: str) -> str:
    return re.split(r"[\[<>=!~ ;]", name)[0].lower().replace("_", "-").replace(".", "-")


def locked(lock: str) -> list[str]:
    """Each package with all that stands below it."""
    return re.split(r"\n(?=\S)", (PROJECT / lock).read_text().strip())


@LOCKS
def test_every_package_has_one_version_and_its_hashes(lock: str):
    for package in locked(lock):
        assert A_PACKAGE.match(package)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package


@LOCKS
def test_requirements_name_no_address(lock: str):
    text = (PROJECT / lock).read_text()

    assert "//" not in text
    assert not re.search(r"^\s*(-i|--\w*index|--find-links|-e|git\+)", text, re.MULTILINE)


@LOCKS
def test_every_requirement_is_locked(lock: str):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    if lock == "requirements-dev.txt":
        wanted += [name for extra in project["optional-dependencies"].values() for name in extra]

    assert {plain(name) for name in wanted} <= {plain(package) for package in locked(lock)}
