"""`manage.py connection`: which CRM we belong to, and what may be written to it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncapp.connection.clients import WRITES, WrongOrganization, allow_writes, verified_client
from syncapp.crm.errors import CrmError
from syncapp.models import Connection


class Command(BaseCommand):
    """Show the connection; enable or disable writing, each kind by itself."""

    help = "Show which CRM this portal belongs to; enable or disable writing reviewed values or filters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to switch, if anything."""
        parser.add_argument("--enable", choices=sorted(WRITES))
        parser.add_argument("--disable", choices=sorted(WRITES))

    def handle(self, *args: Any, enable: str | None, disable: str | None, **options: Any) -> None:
        """Ask the CRM who it is, switch, and show."""
        try:
            verified_client()
        except (CrmError, WrongOrganization) as error:
            raise CommandError(f"No connection ({type(error).__name__}): {error}") from error
        for kind, allowed in ((enable, True), (disable, False)):
            if kind:
                allow_writes(kind, allowed=allowed, by=None, channel="command")
        known = Connection.objects.get()
        self.stdout.write(f"{known.origin}, organization {known.organization_id}")
        for kind, column in WRITES.items():
            self.stdout.write(f"writing {kind}: {'enabled' if getattr(known, column) else 'read only'}")
