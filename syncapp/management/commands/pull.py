"""`manage.py pull`: read the staged edits from the CRM now, with progress."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncapp import tasks
from syncapp.connection.clients import WrongOrganization, verified_client
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers
from syncapp.jobs.queue import LostLease
from syncapp.management.database_errors import as_command_errors
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.mirror.edits.pull import PullResult


class Command(BaseCommand):
    """The command that reads the changes since the last pull, or everything."""

    help = "Read staged edits from the CRM now: those that changed since the last pull, or all with --full."
    _shows_progress = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the choice of a full read."""
        parser.add_argument(
            "--full", action="store_true", help="read all edits again, and withdraw those that no longer exist"
        )

    def handle(self, *args: Any, full: bool, **options: Any) -> None:
        """Pull to the end and print a summary."""
        with as_command_errors():
            if full and not all(cursors.request_full_read(table) for table in (pull.FIELDS, pull.RECORDS)):
                raise CommandError("Another pull is running. Try again in a minute.")
            started = time.monotonic()
            try:
                pulled = pull.pull(verified_client(), progress=self._show_progress)
            except (CrmError, WrongOrganization, LostLease) as error:
                raise CommandError(f"The CRM could not be read ({type(error).__name__}): {error}") from error
            finally:
                if self._shows_progress:
                    self.stderr.write("")
        if pulled.busy:
            raise CommandError("Another pull is running. Try again in a minute.")
        for name in tasks.REFUSED_READS:
            breakers.reset(name)
        self.stdout.write(
            f"{pulled.fields:,} fields of {pulled.records:,} edits read in {time.monotonic() - started:.1f} s "
            f"({pulled.crm_seconds:.1f} s waiting for the CRM); "
            f"{pulled.superseded:,} superseded, {pulled.withdrawn:,} withdrawn."
            + (f" {pulled.recognized:,} decided before a restore." if pulled.recognized else "")
        )

    def _show_progress(self, pulled: PullResult) -> None:
        if self.stderr.isatty():
            self._shows_progress = True
            self.stderr.write(f"\r{pulled.fields:,} fields, {pulled.records:,} edits read", ending="")
