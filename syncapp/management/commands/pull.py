"""`manage.py pull`: read the staged edits from the CRM now, with progress."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncapp.connection.clients import WrongOrganization, verified_client
from syncapp.crm.errors import CrmError
from syncapp.jobs.queue import LostLease
from syncapp.management.conflicts import told_in_words
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.mirror.edits.pull import PullResult


class Command(BaseCommand):
    """Read what changed since the last pull, or everything."""

    help = "Mirror staged edits from the CRM now; what changed since the last pull, or --full everything."
    _shown = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One choice: from the last link on, or from the start."""
        parser.add_argument("--full", action="store_true", help="read everything again and withdraw what is gone")

    def handle(self, *args: Any, full: bool, **options: Any) -> None:
        """Pull to the end and say what was done."""
        with told_in_words():
            self._pull(full=full)

    def _pull(self, *, full: bool) -> None:
        if full and not all(cursors.request_full_read(table) for table in (pull.FIELDS, pull.RECORDS)):
            raise CommandError("Another pull is under way. Try again in a minute.")
        started = time.monotonic()
        try:
            pulled = pull.pull(verified_client(), progress=self._show)
        except (CrmError, WrongOrganization, LostLease) as error:
            raise CommandError(f"The CRM could not be read ({type(error).__name__}): {error}") from error
        finally:
            self._end_of_progress()
        self._sum_up(pulled, time.monotonic() - started)

    def _show(self, pulled: PullResult) -> None:
        if self.stderr.isatty():
            self._shown = True
            self.stderr.write(f"\r{pulled.fields:,} fields, {pulled.records:,} edits read", ending="")

    def _end_of_progress(self) -> None:
        if self._shown:
            self.stderr.write("")

    def _sum_up(self, pulled: PullResult, seconds: float) -> None:
        if pulled.busy:
            raise CommandError("Another pull is under way. Try again in a minute.")
        self.stdout.write(
            f"{pulled.fields:,} fields of {pulled.records:,} edits read in {seconds:.1f} s "
            f"({pulled.crm_seconds:.1f} s of it waiting for the CRM); "
            f"{pulled.superseded:,} superseded, {pulled.withdrawn:,} withdrawn."
            + (f" {pulled.recognized:,} decided before a restore." if pulled.recognized else "")
        )
