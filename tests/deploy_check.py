"""`python -m tests.deploy_check`: Django's deployment checks and ours under a production-like environment."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

from tests.servers import PROJECT

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def environment() -> dict[str, str]:
    """What an installation sets, with secrets made on the fly and nothing of this machine's own."""
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


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    """The checks' result; warnings fail too."""
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(
        command, cwd=PROJECT, env=environment() | changes, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    result = check()
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    sys.exit(result.returncode)
