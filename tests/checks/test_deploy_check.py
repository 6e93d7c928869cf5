"""A production configuration passes Django's deployment checks; a careless one fails them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.servers import PROJECT
from tools.deploy_check import check

FOR_TESTS_ONLY = {"FAILPOINTS"}
UNKNOWN_TO_THE_CHECK = {"DEMO", "BEHIND_PROXY"}  # both values can be intended
CONFIGURATION = (PROJECT / "docs/reference/configuration.md").read_text(encoding="utf-8")
DEPLOY = (PROJECT / "docs/how-to/deploy.md").read_text(encoding="utf-8")
NO_DEFAULT = re.compile(r"$|empty|demo only|the demo's|`smtp` in the demo|SQLite|the sandbox")
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
    settings, gunicorn = ((PROJECT / name).read_text() for name in ("portal/settings.py", "gunicorn.conf.py"))

    read = set(re.findall(r'env\.[a-z]+\(\s*"([A-Z_]+)"', settings + gunicorn)) - FOR_TESTS_ONLY

    assert read - set(re.findall(r"`([A-Z_]+)`", CONFIGURATION)) == set()


def test_deploy_document_names_every_required_variable() -> None:
    named = {name.removesuffix("_FILE") for name in re.findall(r"\b[A-Z][A-Z_0-9]+\b", DEPLOY)}

    assert variables_without_default() - named == set()
    assert {"SECRET_KEY", "CRM_ORIGIN", "OUTGOING_PROXY", "SMTP_HOST"} <= variables_without_default()


def variables_without_default() -> set[str]:
    """Return the variables for which production has no default, by the tables of the reference."""
    found: set[str] = set()
    for section in CONFIGURATION.split("\n## "):
        if section.startswith(("Demo", "Review and filters")):
            continue
        for names, default in re.findall(r"^\| (`[^|]+) \| *([^|]*?) *\|", section, re.MULTILINE):
            if NO_DEFAULT.match(default):
                found |= set(re.findall(r"`([A-Z_0-9]+)`", names))
    return found


def test_check_names_each_missing_variable() -> None:
    block = re.search(r"```\n(\s+DEMO=false\n.*?)```", DEPLOY, re.DOTALL)
    assert block is not None
    needed = {name.removesuffix("_FILE") for name in re.findall(r"^\s+([A-Z_]+)=", block[1], re.MULTILINE)}

    output = check(**dict.fromkeys(needed - UNKNOWN_TO_THE_CHECK, ""), CRM_CLIENT_SECRET="").stderr
    assert {name for name in needed if name not in output} == UNKNOWN_TO_THE_CHECK
