"""No process starts with an invalid configuration; each reports the error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.servers import PROJECT, free_port
from tools.deploy_check import environment

SECONDS = 60.0
LONG = pytest.mark.long  # another process with the same check
# Everything that an installation sets has the demo's value again.
THE_DEMO = {name: "" for name in environment() if name.startswith(("CRM_", "MAIL_"))} | {
    **dict.fromkeys(("BASE_URL", "ALLOWED_HOSTS", "SECRET_KEY", "AUDIT_KEY", "DATABASE_URL", "REDIS_URL"), ""),
    "DEMO": "on",
}


def process(name: str, folder: Path) -> list[str]:
    """Return the command line of a process of an installation."""
    return [
        sys.executable,
        *{
            "web": ["-m", "gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{free_port()}"],
            "worker": ["-m", "celery", "-A", "portal", "worker", "--concurrency", "1"],
            "beat": ["-m", "celery", "-A", "portal", "beat", "--schedule", str(folder / "schedule"), "--pidfile", ""],
            "command": ["manage.py", "pull"],
            "migrate": ["manage.py", "migrate"],
            "demo": ["manage.py", "demo"],
        }[name],
    ]


def start(command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a process until it ends."""
    return subprocess.run(
        command, cwd=PROJECT, env=dict(variables), capture_output=True, text=True, timeout=SECONDS, check=False
    )


def installed(folder: Path, **changes: str) -> dict[str, str]:
    """Return a valid configuration with changes; an empty value unsets the variable."""
    variables = environment() | {"REDIS_URL": "redis://127.0.0.1:1/0", "DEMO_DIR": str(folder)} | changes
    return {name: value for name, value in variables.items() if value}


@pytest.mark.parametrize("name", ["web", "worker", "beat", "command"])
def test_misconfigured_process_does_not_start(name: str, tmp_path: Path) -> None:
    ended = start(process(name, tmp_path), installed(tmp_path, LEASE="10", SECRET_KEY="short"))

    assert ended.returncode not in (0, None)
    assert "HARD_LIMIT (50 s) must be shorter than LEASE (10 s)" in ended.stderr
    assert "HINT: Set a long random text; it signs sessions and links." in ended.stderr


@pytest.mark.parametrize("name", ["web", *(pytest.param(name, marks=LONG) for name in ("worker", "beat", "command"))])
def test_unreadable_number_prevents_start(name: str, tmp_path: Path) -> None:
    ended = start(process(name, tmp_path), installed(tmp_path, LEASE="soon"))

    assert ended.returncode not in (0, None)
    assert "LEASE must be a number" in ended.stderr


@pytest.mark.parametrize(
    "name", ["worker", "migrate", *(pytest.param(name, marks=LONG) for name in ("web", "beat", "command"))]
)
def test_missing_database_setting_prevents_start(name: str, tmp_path: Path) -> None:
    ended = start(process(name, tmp_path), installed(tmp_path, DATABASE_URL=""))

    assert ended.returncode not in (0, None)
    assert "DATABASE_URL is not set." in ended.stderr
    assert not list(tmp_path.glob("*.sqlite3"))


@pytest.mark.parametrize(
    "address", ["0.0.0.0:0", pytest.param("[::]:0", marks=LONG), pytest.param("unix:{folder}/web.sock", marks=LONG)]
)
def test_demo_refuses_to_listen_beyond_loopback(address: str, tmp_path: Path) -> None:
    command = [*process("web", tmp_path)[:-1], address.format(folder=tmp_path)]

    ended = start(command, installed(tmp_path, **THE_DEMO))

    assert ended.returncode not in (0, None)
    assert "must not listen on" in ended.stderr


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("web", "CRM_ORIGIN", "https://contoso.crm4.dynamics.com"),
        pytest.param("worker", "CRM_ORIGIN", "https://contoso.crm4.dynamics.com", marks=LONG),
        pytest.param(
            "beat",
            "CRM_AUTHORITY",
            "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111",
            marks=LONG,
        ),
        ("demo", "GRAPH_ORIGIN", "https://graph.microsoft.com"),
    ],
)
def test_demo_with_real_service_does_not_start(name: str, variable: str, value: str, tmp_path: Path) -> None:
    ended = start(process(name, tmp_path), installed(tmp_path, **THE_DEMO | {variable: value}))

    assert ended.returncode not in (0, None)
    assert f"DEMO is on, but {variable} points to" in ended.stderr
