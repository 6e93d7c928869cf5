"""`manage.py filter_sql`: T-SQL that switches filters in an on-premises CRM's database. The portal never runs it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from syncapp.filters import sql_script
from syncapp.filters.sql_script import APPOINTMENTS, TYPE_CODES, Switch


class Command(BaseCommand):
    """Print the script, and behind it, commented out, the inverse."""

    help = "Print the T-SQL with which an on-premises CRM's database administrator switches filters, and its inverse."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is switched, whose, and where the rows are remembered."""
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--on", action="store_true", help="switch filters on that are off")
        way.add_argument("--off", action="store_true", help="switch filters off that are on")
        known = ", ".join(TYPE_CODES)
        parser.add_argument("--tables", nargs="+", default=list(APPOINTMENTS), metavar="TABLE", help=f"of {known}")
        parser.add_argument("--users", nargs="+", default=[], metavar="LOGON", help="logon names; none: everybody")
        parser.add_argument("--users-file", type=Path, help="a file with one logon name a line")
        parser.add_argument("--saved", help="the table that remembers the rows; by default named after the time")
        parser.add_argument("--inverse", action="store_true", help="the inverse alone; needs --saved")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, or say what is wrong with what was asked."""
        if options["inverse"] and not options["saved"]:
            raise CommandError("Name the table that the script made: --saved NAME.")
        try:
            switch = _switch(options)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["inverse"]:
            self.stdout.write(sql_script.inverse(switch))
            return
        self.stdout.write(sql_script.forward(switch))
        self.stdout.write(_set_aside(sql_script.inverse(switch)))


def _switch(options: dict[str, Any]) -> Switch:
    return Switch(
        on=options["on"],
        saved=options["saved"] or f"OutlookFilters_{timezone.now():%Y%m%d_%H%M%S}",
        tables=tuple(options["tables"]),
        users=tuple(options["users"]) + _in_file(options["users_file"]),
    )


def _in_file(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise CommandError(f"{path} names nobody; without --users-file the script is for everybody.")
    return names


def _set_aside(script: str) -> str:
    """Each line commented out, so that running the whole file does not undo itself."""
    heading = "-- The inverse: run it alone, without the leading signs (or print it with --inverse --saved NAME)."
    return "\n".join(["", heading, *(f"--| {line}".rstrip() for line in script.splitlines())])
