"""The systemd units, the compose file and the document start the processes of deploy/processes.toml, and no others."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from tests.support.servers import PROJECT

DEPLOY = PROJECT / "deploy"
PROCESSES: dict[str, dict[str, Any]] = tomllib.loads((DEPLOY / "processes.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("outlook-sync-*.service"))
WITHOUT_UNIT = {"migrate"}  # an upgrade runs it by hand
CPU_SHARES = {0: 1024, 5: 335}  # the kernel's weight of a process for each nice value
OF_OTHERS = {"database", "redis", "proxy"}


def unit(name: str) -> configparser.RawConfigParser:
    """Return a systemd service."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the names of settings keep their case
    parser.read(DEPLOY / "systemd" / f"outlook-sync-{name}.service")
    return parser


@pytest.mark.parametrize("name", sorted(set(PROCESSES) - WITHOUT_UNIT))
def test_unit_starts_command_of_its_process(name: str) -> None:
    service = unit(name)["Service"]

    command = service["ExecStart"].removeprefix("/opt/outlook-sync/.venv/bin/").replace("%%", "%")
    assert command == PROCESSES[name]["command"]
    assert service.get("TimeoutStopSec", service.get("TimeoutStartSec")) == str(PROCESSES[name]["stop_seconds"])
    assert service.get("Nice", "0") == str(PROCESSES[name].get("nice", 0))


def test_watch_unit_keeps_reports_in_state_directory() -> None:
    """PrivateTmp's folder would be emptied after each run."""
    service = unit("watch")["Service"]

    assert f"WATCH_DIR=/var/lib/{service['StateDirectory']}" in service["Environment"].split()


def test_every_unit_is_a_known_process() -> None:
    assert {path.stem.removeprefix("outlook-sync-") for path in UNITS} == set(PROCESSES) - WITHOUT_UNIT | {"runtime"}


@pytest.mark.parametrize("name", sorted(set(PROCESSES) - {"watch"}))
def test_service_starts_command_of_its_process(name: str) -> None:
    service = COMPOSE["services"][name]

    assert shlex.join(service["command"]) == PROCESSES[name]["command"]
    if "stop_grace_period" in service:
        assert service["stop_grace_period"] == f"{PROCESSES[name]['stop_seconds']}s"
    assert service.get("cpu_shares", 1024) == CPU_SHARES[PROCESSES[name].get("nice", 0)]


def test_watch_container_runs_watch_command() -> None:
    assert PROCESSES["watch"]["command"] in COMPOSE["services"]["watch"]["command"][-1]


def test_every_service_is_a_known_process() -> None:
    assert set(COMPOSE["services"]) == set(PROCESSES) | OF_OTHERS


@pytest.mark.parametrize("name", sorted(set(PROCESSES)))
def test_containers_are_read_only_and_without_capabilities(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_image_runs_as_its_own_user() -> None:
    lines = (DEPLOY / "container" / "Containerfile").read_text().splitlines()

    assert [line for line in lines if line.startswith("USER")] == ["USER outlook-sync"]
    assert lines.index("USER outlook-sync") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))


def test_image_contains_all_needed_files() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    kept = (DEPLOY / "container" / "Containerfile.dockerignore").read_text()

    for name in ("portal", "syncapp", "templates", "manage.py", "gunicorn.conf.py", "pyproject.toml", "CHANGELOG.md"):
        assert re.search(rf"^COPY .*\b{re.escape(name)}\b", text, re.MULTILINE), name
        assert f"!{name}" in kept.splitlines()


@pytest.mark.parametrize("name", sorted(set(PROCESSES)))
def test_document_names_command_of_each_process(name: str) -> None:
    text = (PROJECT / "docs" / "how-to" / "deploy.md").read_text()

    assert f"`{PROCESSES[name]['command'].removeprefix('python ')}`" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(path: Any) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )

    # Neither the portal nor its user is installed here.
    unknown = ("is not executable", "Failed to create", "Unknown user")
    assert [line for line in done.stderr.splitlines() if not any(words in line for words in unknown)] == []
