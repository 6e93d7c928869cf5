"""Missing or outdated static files are reported by `check` and /healthz."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def collected(settings: Settings, tmp_path: Path) -> Path:
    """Return the folder after `manage.py collectstatic`."""
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", verbosity=0, interactive=False)
    return tmp_path


def complaints() -> list[str]:
    return [f"{found.id} {found.msg}" for found in run_checks(include_deployment_checks=True, tags=["staticfiles"])]


def is_ready() -> bool:
    return bool(Client().get("/healthz", {"part": "ready"}).json()["ready"])


def test_collected_static_files_pass_check(collected: Path) -> None:
    assert (complaints(), is_ready()) == ([], True)


def test_uncollected_static_files_fail_check(collected: Path) -> None:
    for path in sorted(collected.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    _read_the_list_again()

    (complaint,) = complaints()

    assert complaint.startswith("osync.E030 Static files of this version are not collected: ")
    assert not is_ready()


@pytest.mark.parametrize("change", ["removed", "older"])
def test_outdated_file_fails_check(collected: Path, change: str) -> None:
    if change == "older":
        (collected / "portal" / "keys.js").write_text("// the release before")
    else:
        (collected / staticfiles_storage.stored_name("portal/keys.js")).unlink()

    assert complaints() == ["osync.E030 Static files of this version are not collected: portal/keys.js."]
    assert not is_ready()


def test_demo_needs_no_collected_static_files() -> None:
    assert (complaints(), is_ready()) == ([], True)


def _read_the_list_again() -> None:
    """Reset the state, as at the start of a process."""
    staticfiles_storage.hashed_files, _ = staticfiles_storage.load_manifest()  # type: ignore[attr-defined]
