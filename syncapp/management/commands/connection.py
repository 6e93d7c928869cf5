"""`manage.py connection`: show the connected CRM, and enable or disable writing to it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncapp.connection.clients import WRITES, WrongOrganization, set_writes_allowed, verified_client
from syncapp.crm.errors import CrmError
from syncapp.models import Connection


class Command(BaseCommand):
    """The command that shows the connection, and enables or disables each kind of writing."""

    help = "Show which CRM this portal belongs to. Enable or disable writing of reviewed values or filters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the kinds of writing to enable or disable."""
        parser.add_argument("--enable", choices=sorted(WRITES))
        parser.add_argument("--disable", choices=sorted(WRITES))

    def handle(self, *args: Any, enable: str | None, disable: str | None, **options: Any) -> None:
        """Verify the CRM's identity, apply the change, and show the connection."""
        try:
            verified_client()
        except (CrmError, WrongOrganization) as error:
            raise CommandError(f"No connection ({type(error).__name__}): {error}") from error
        for kind, allowed in ((enable, True), (disable, False)):
            if kind:
                set_writes_allowed(kind, allowed=allowed, by=None, channel="command")
        connected = Connection.objects.get()
        self.stdout.write(f"{connected.origin}, organization {connected.organization_id}")
        for kind, column in WRITES.items():
            self.stdout.write(f"writing {kind}: {'enabled' if getattr(connected, column) else 'read-only'}")
