"""`manage.py sandbox`: the local stand-in for Dataverse, sign-in, Outlook and the mail service, in the foreground."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Become the sandbox's process; it knows nothing of this project's settings."""

    help = "Run the sandbox at SANDBOX_PORT with its data in DEMO_DIR."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the ports and the file from the settings unless told."""
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)
        parser.add_argument("--smtp-port", type=int, default=settings.SMTP_PORT)
        parser.add_argument("--tls", metavar="FOLDER", help="speak https; the certificate is made there once")
        parser.add_argument("--data", default=str(settings.DEMO_DIR / "sandbox.sqlite3"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process, so that signals reach the sandbox itself."""
        settings.DEMO_DIR.mkdir(parents=True, exist_ok=True)
        os.chdir(settings.BASE_DIR)
        command = [sys.executable, "-m", "syncapp.sandbox", "--data", options["data"]]
        command += ["--port", str(options["port"]), "--smtp-port", str(options["smtp_port"])]
        command += ["--users", str(settings.DEMO_USERS), *(["--tls", options["tls"]] if options["tls"] else [])]
        os.execv(sys.executable, command)  # noqa: S606  (our own module, no shell)
