"""`manage.py connection`: which CRM we belong to, and what may be written to it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from syncapp import audit
from syncapp.connection import WrongOrganization, recognised_crm
from syncapp.crm.errors import CrmError
from syncapp.models import Connection

COLUMNS = {"review": "review_writes", "filters": "filter_writes"}


class Command(BaseCommand):
    """Show the connection; enable or disable writing, each kind by itself."""

    help = "Show which CRM this portal belongs to; enable or disable writing reviewed values or filters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to switch, if anything."""
        parser.add_argument("--enable", choices=sorted(COLUMNS))
        parser.add_argument("--disable", choices=sorted(COLUMNS))

    def handle(self, *args: Any, enable: str | None, disable: str | None, **options: Any) -> None:
        """Ask the CRM who it is, switch, and show."""
        try:
            recognised_crm()
        except (CrmError, WrongOrganization) as error:
            raise CommandError(f"No connection ({type(error).__name__}): {error}") from error
        for kind, allowed in ((enable, True), (disable, False)):
            if kind:
                _switch(kind, allowed=allowed)
        known = Connection.objects.get()
        self.stdout.write(f"{known.origin}, organization {known.organization_id}")
        for kind, column in COLUMNS.items():
            self.stdout.write(f"writing {kind}: {'enabled' if getattr(known, column) else 'read only'}")


@transaction.atomic
def _switch(kind: str, *, allowed: bool) -> None:
    Connection.objects.update(**{COLUMNS[kind]: allowed})
    audit.record("connection.writes", by=None, channel="command", details={"kind": kind, "allowed": allowed})
