"""An outdated database is reported by `check`, /healthz, workers and beat, which continue once it is migrated."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from syncapp.checks import installation
from tests.journeys.database import empty_database
from tests.migrations import history
from tests.support.servers import PROJECT, wait_until
from tools.deploy_check import KEPT

COMMANDS = {
    "worker": ["worker", "--concurrency", "1", "--pool", "solo"],
    "beat": ["beat", "--schedule", "{folder}/schedule", "--pidfile", ""],
}
NO_SERVICES = {"DEMO": "on", "SANDBOX_PORT": "1", "REDIS_URL": "redis://127.0.0.1:1/0"}
CONTINUES = {"worker": "consumer: Cannot connect to redis", "beat": "Redis does not answer"}


def readiness() -> tuple[int, dict[str, Any]]:
    response = Client().get("/healthz", {"part": "ready"})
    return response.status_code, response.json()


def complaints() -> list[tuple[str, str]]:
    found = run_checks(include_deployment_checks=True, tags=["database"], databases=["default"])
    return [(str(message.id), message.msg) for message in found]


def test_old_database_makes_instance_unready(database: None) -> None:
    *_, before, newest = history.names()
    call_command("migrate", verbosity=0)
    history.migrate(before)

    status, answer = readiness()

    assert (status, answer["ready"], answer["database"], answer["ill"]) == (503, False, True, ["migrations"])
    assert f"syncapp.{newest} is the first of 1." in answer["troubles"][0]["text"]
    assert complaints() == [("osync.E028", f"The database lacks syncapp.{newest}.")]
    assert installation.lacks_migrations()
    history.migrate(newest)
    assert (readiness()[0], complaints(), installation.lacks_migrations()) == (200, [], False)

    MigrationRecorder(connection).record_applied("syncapp", "9999_from_a_later_release")
    assert (installation.missing_migrations(), complaints(), readiness()[0]) == ([], [], 200), (
        "a newer database lacks no migration"
    )


def test_empty_database_is_not_an_outage(database: None) -> None:
    _, answer = readiness()

    assert (answer["ready"], answer["database"], answer["ill"]) == (False, True, ["migrations"])


def test_watch_names_missing_migrations(database: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("watch")

    assert ended.value.code == 1
    assert "migrations: The database lacks migrations of this version" in capsys.readouterr().out


def test_check_skips_migrations_without_database_option(database: None) -> None:
    found = run_checks(include_deployment_checks=True, tags=["database"])

    assert found == []


@pytest.mark.parametrize("name", ["worker", pytest.param("beat", marks=pytest.mark.long)])
def test_process_waits_for_migrations(name: str, tmp_path: Path) -> None:
    with empty_database(tmp_path, name="waiting") as database:
        # The demo's settings: all services that do not answer are on this machine.
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        variables = kept | NO_SERVICES | {"DATABASE_URL": database.url, "DEMO_DIR": str(tmp_path)}
        with _started(COMMANDS[name], tmp_path, variables) as said:
            wait_until(lambda: "Waiting for “manage.py migrate”" in said(), seconds=60, what=said())
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v0"], cwd=PROJECT, env=variables, check=True, timeout=120
            )
            wait_until(lambda: "The database now has all migrations." in said(), seconds=60)
            wait_until(lambda: CONTINUES[name] in said(), seconds=60, what=said())


@contextmanager
def _started(arguments: list[str], folder: Path, variables: dict[str, str]) -> Iterator[Any]:
    log = folder / "log"
    command = [sys.executable, "-m", "celery", "-A", "portal", *(part.format(folder=folder) for part in arguments)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=output, stderr=output)
    try:
        yield log.read_text
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
