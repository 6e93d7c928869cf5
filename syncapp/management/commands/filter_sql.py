"""`manage.py filter_sql`: print T-SQL that switches filters in an on-premises CRM's database, but never run it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from syncapp.management import arguments
from syncapp.models import FilterTeam, FilterUnit, UserList
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.on_premises import logons, sql_script
from syncapp.sync_filters.on_premises.sql_script import ScriptSpec
from syncapp.sync_filters.runs import targets
from syncapp.sync_filters.table_names import KNOWN_TABLES, tables_of


class Command(BaseCommand):
    """The command that prints the script, followed by its inverse as comments."""

    help = "Print the T-SQL with which an on-premises CRM's database administrator switches filters, and its inverse."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what to switch, for which users, and the table that stores the changed rows."""
        direction = parser.add_mutually_exclusive_group(required=True)
        direction.add_argument("--on", action="store_true", help="switch filters on that are off")
        direction.add_argument("--off", action="store_true", help="switch filters off that are on")
        parser.add_argument(
            "--tables",
            nargs="+",
            default=list(APPOINTMENT_TABLES),
            metavar="TABLE",
            help=f"any of {KNOWN_TABLES}, by name, label or code",
        )
        selection = parser.add_argument_group("whose filters (all users' by default)")
        selection.add_argument(
            "--users", nargs="+", default=[], metavar="LOGON", help="logon names, addresses or names"
        )
        selection.add_argument(
            "--users-file", type=Path, help="a file with logon names: lines, CSV, or an export of the portal"
        )
        selection.add_argument("--team", help="a team's name")
        selection.add_argument("--unit", help="a business unit's name, with all units below it")
        selection.add_argument("--list", help="a saved list's name")
        parser.add_argument("--database", help="the organization's database, such as Contoso_MSCRM")
        parser.add_argument(
            "--expect", type=int, metavar="N", help="change nothing unless exactly N filters would change"
        )
        parser.add_argument("--saved", help="the table that stores the changed rows; by default named after the time")
        parser.add_argument("--inverse", action="store_true", help="print only the inverse; needs --saved")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the script. Raises CommandError for invalid arguments."""
        if options["inverse"] and not options["saved"]:
            raise CommandError("Name the table that the script created: --saved NAME.")
        try:
            spec = ScriptSpec(
                on=options["on"],
                saved=options["saved"] or f"OutlookFilters_{timezone.now():%Y%m%d_%H%M%S}",
                tables=tables_of(options["tables"]),
                users=tuple(dict.fromkeys([*self._listed_names(options), *self._group_names(options)])),
                database=options["database"] or "",
                expect=options["expect"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        inverse = sql_script.inverse_script(spec)
        if options["inverse"]:
            self.stdout.write(inverse)
            return
        self.stdout.write(sql_script.switching_script(spec))
        # Commented out line by line, so that running the whole output does not undo itself.
        heading = "-- The inverse: run it alone, without each leading --| (or print it with --inverse --saved NAME)."
        self.stdout.write("\n".join(["", heading, *(f"--| {line}".rstrip() for line in inverse.splitlines())]))

    def _listed_names(self, options: dict[str, Any]) -> list[str]:
        """Return the logon names from the command line and a file; refuse a file that cannot be read completely."""
        path: Path | None = options["users_file"]
        found = logons.read("\n".join(options["users"]))
        if path is not None:
            in_file = logons.read(arguments.read_text(path))
            if in_file.unread or not in_file.names:
                why = in_file.unread[0] if in_file.unread else "It names no one."
                raise CommandError(
                    f"{path}: {why} Nothing was printed, because a script without names applies to all users."
                )
            found.names += in_file.names
        if options["users"] and (found.unread or not found.names):
            raise CommandError(f"--users: {found.unread[0] if found.unread else 'names no one.'}")
        return found.names

    def _group_names(self, options: dict[str, Any]) -> list[str]:
        """Return the logon names of a team, a business unit or a list, as last read."""
        found: list[str] = []
        for option, (model, load_group) in _GROUPS.items():
            if options[option]:
                group = load_group(arguments.key_of(model, options[option]))
                names, count_without = logons.logon_names_of(group.ids)
                left_out = {
                    "without a logon name": count_without,
                    "entries that match no user, or more than one": group.left_out,
                }
                for description, count in left_out.items():
                    if count:
                        self.stderr.write(f"{group.words}: {count:,} {description} left out.")
                if not names:
                    raise CommandError(f"{group.words}: no one in it has a logon name.")
                found += names
        return found


_GROUPS: dict[str, tuple[Any, Any]] = {
    "team": (FilterTeam, targets.of_team),
    "unit": (FilterUnit, targets.of_unit),
    "list": (UserList, targets.of_list),
}
