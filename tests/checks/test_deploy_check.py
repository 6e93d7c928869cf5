"""A production configuration passes Django's deployment checks; a careless one fails them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.servers import PROJECT
from tools.deploy_check import check

FOR_TESTS_ONLY = {"FAILPOINTS"}
LONG = pytest.mark.long  # test_settings.py makes the same check without a process


def test_production_configuration_passes_without_warning() -> None:
    assert check().stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SECRET_KEY": ""}, "osync.E004"),
        pytest.param({"BASE_URL": "http://outlook-sync.contoso.example"}, "osync.E008", marks=LONG),
        ({"DEMO": "on"}, "osync.E005"),
        pytest.param({"LEASE": "10"}, "osync.E001", marks=LONG),
        ({"DATABASE_URL": ""}, "osync.E020"),
        ({"DATABASE_URL": "postgres://portal@db.contoso.example/portal"}, "osync.W006"),
        pytest.param({"DEBUG": "on"}, "osync.E010", marks=LONG),
    ],
)
def test_insecure_configuration_fails_check(changes: dict[str, str], expected: str) -> None:
    result = check(**changes)

    assert result.returncode != 0
    assert expected in result.stderr


def test_missing_static_files_fail_check(tmp_path: Path) -> None:
    result = check(STATIC_ROOT=str(tmp_path))

    assert result.returncode != 0
    assert "osync.E030" in result.stderr


def test_unreachable_database_fails_check() -> None:
    result = check("--database", "default", DATABASE_URL="postgres://portal@127.0.0.1:1/portal")

    assert result.returncode != 0
    assert "osync.E029" in result.stderr


def test_reference_names_every_variable() -> None:
    settings, gunicorn, reference = (
        (PROJECT / name).read_text()
        for name in ("portal/settings.py", "gunicorn.conf.py", "docs/reference/configuration.md")
    )

    read = set(re.findall(r'env\.[a-z]+\(\s*"([A-Z_]+)"', settings + gunicorn)) - FOR_TESTS_ONLY

    assert read - set(re.findall(r"`([A-Z_]+)`", reference)) == set()
