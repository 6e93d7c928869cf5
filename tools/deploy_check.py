"""`python -m tools.deploy_check`: the deployment checks of a production-like installation, with fresh databases."""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile

from tests.support.servers import PROJECT, postgres

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def environment() -> dict[str, str]:
    """Return the environment of an installation, with new secrets and nothing from this machine."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DEMO": "off",
        "BASE_URL": "https://outlook-sync.contoso.example",
        "ALLOWED_HOSTS": "outlook-sync.contoso.example",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "AUDIT_KEY": secrets.token_urlsafe(50),
        "CRM_ORIGIN": "https://contoso.crm4.dynamics.com",
        "CRM_TENANT": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "CRM_CLIENT_ID": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
        "CRM_CLIENT_SECRET": secrets.token_urlsafe(30),
        "MAIL_BACKEND": "graph",
        "MAIL_FROM": "Outlook Sync <outlook-sync@contoso.example>",
        "DATABASE_URL": "postgres://portal@127.0.0.1:5432/portal",
        "REDIS_URL": "rediss://127.0.0.1:6379/0",
    }


@functools.cache
def static_root() -> str:
    """Return a folder with the collected static files, which is deleted when this process ends."""
    folder = tempfile.mkdtemp(prefix="osync-static-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    manage("collectstatic", "--no-input", "--verbosity", "0", STATIC_ROOT=folder).check_returncode()
    return folder


def check(*options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Return the checks' result; warnings fail too, unless an option says otherwise."""
    changes = {"STATIC_ROOT": static_root(), **changes}
    return manage("check", "--deploy", "--fail-level", "WARNING", *options, **changes)


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command of an installation with these changes to its environment."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=environment() | changes, capture_output=True, text=True, check=False
    )


def install(url: str) -> list[subprocess.CompletedProcess[str]]:
    """Migrate a new database and check the installation; most tests create their tables without migrations."""
    return [
        manage("migrate", "--verbosity", "0", DATABASE_URL=url),
        check("--database", "default", "--fail-level", "ERROR", DATABASE_URL=url),
    ]


def main() -> int:
    """Check the settings alone, then whole installations on both databases."""
    results = [check()]
    with tempfile.TemporaryDirectory() as folder:
        results += install(f"sqlite:///{folder}/portal.sqlite3")
    with postgres() as server:
        results += install(server.url)
    for result in results:
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr if result.returncode else "")
    return max(abs(result.returncode) for result in results)


if __name__ == "__main__":
    sys.exit(main())
