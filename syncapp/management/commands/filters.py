"""`manage.py filters list|plan|status`: the Filters pages in a terminal. Runs can be started only in the portal."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncapp.management import arguments
from syncapp.mirror.filters import access
from syncapp.models import FilterRun, FilterTeam, FilterUnit, FilterUser, UserList
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell, Group
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import ALL_USERS, UserCriteria
from syncapp.sync_filters.runs import dry_run, named_users, transitions
from syncapp.sync_filters.runs.creation import RunSpec
from syncapp.sync_filters.table_names import KNOWN_TABLES, tables_of
from syncapp.text import escaping

_METHODS = {"outlook": 0, "server-side": 1, "none": 2}
_METHOD_NAMES = {value: name for name, value in _METHODS.items()}
_BAR = 30
Answer = tuple[dict[str, Any], list[str]]


class Command(BaseCommand):
    """The command with three subcommands, which print text, or JSON for programs."""

    help = (
        "Show users and their filters (list), what a run would do (plan), or the progress of a run or the inventory "
        "(status)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the three subcommands."""
        parts = parser.add_subparsers(dest="part", required=True, metavar="list|plan|status")
        list_parser = parts.add_parser("list", help="users and what each of them synchronizes, narrowed as on the page")
        _add_criteria(list_parser)
        list_parser.add_argument("--limit", type=int, default=50, help="at most this many users; 0: all (default 50)")
        plan_parser = parts.add_parser("plan", help="what switching would do; nothing is stored or switched")
        _add_criteria(plan_parser)
        desired = plan_parser.add_mutually_exclusive_group(required=True)
        desired.add_argument("--on", action="store_true", help="desired state: on")
        desired.add_argument("--off", action="store_true", help="desired state: off")
        plan_parser.add_argument(
            "--tables",
            nargs="+",
            default=list(APPOINTMENT_TABLES),
            metavar="TABLE",
            help=f"any of {KNOWN_TABLES}, by name, label or code",
        )
        plan_parser.add_argument("--users-file", type=Path, help="only users named in this file (lines or a table)")
        plan_parser.add_argument(
            "--everybody", action="store_true", help="plan for all users; required if nothing narrows the selection"
        )
        state = parts.add_parser("status", help="progress of one run, or of the inventory, and the access to filters")
        state.add_argument("run", type=int, nargs="?", help="the run's number")
        for each in (list_parser, plan_parser, state):
            each.add_argument(
                "--json", action="store_true", help="print JSON for programs; the progress bar goes to stderr"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the answer. Raises CommandError for invalid arguments."""
        parsed = Namespace(**options)
        data, lines = _SUBCOMMANDS[parsed.part](parsed, self._show_progress)
        if parsed.json:

            def as_text(value: object) -> str:
                return value.isoformat() if isinstance(value, datetime) else str(value)

            self.stdout.write(json.dumps(data, default=as_text, indent=2))
        else:
            self.stdout.write("\n".join(map(escaping.log_line, lines)))

    def _show_progress(self, done: int, users: int) -> None:
        if sys.stderr.isatty():
            filled = _BAR * done // max(users, 1)
            end = "\n" if done >= users else ""
            self.stderr.write(f"\r[{'#' * filled}{'.' * (_BAR - filled)}] {done:,} of {users:,} users", ending=end)


ShowProgress = Callable[[int, int], None]


def _add_criteria(parser: ArgumentParser) -> None:
    parser.add_argument("--search", default="", help="beginning of the name or address")
    parser.add_argument("--team", default="", help="a team's name")
    parser.add_argument("--unit", default="", help="a business unit's name, without the units below it")
    parser.add_argument("--list", default="", help="a saved list's name")
    parser.add_argument("--group", choices=Group.values, default="appointments", help="tables that --state applies to")
    parser.add_argument("--state", choices=Cell.values)
    parser.add_argument("--mailbox", choices=list(_METHODS))
    parser.add_argument("--risk", choices=SyncPaths.values, help="in how many ways appointments reach Outlook")


def _criteria(options: Namespace) -> UserCriteria:
    return UserCriteria(
        search=options.search,
        team=arguments.key_of(FilterTeam, options.team) if options.team else None,
        unit=arguments.key_of(FilterUnit, options.unit) if options.unit else None,
        listed=arguments.key_of(UserList, options.list) if options.list else None,
        cells=((Group(options.group), Cell(options.state)),) if options.state else (),
        method=_METHODS[options.mailbox] if options.mailbox else None,
        paths=SyncPaths(options.risk) if options.risk else None,
    )


def _list(options: Namespace, show_progress: ShowProgress) -> Answer:
    criteria, rows, after = _criteria(options), list[dict[str, Any]](), None
    if options.limit < 0:
        raise CommandError("--limit must be 0 or more; 0 shows all users.")
    count = matrix.matching_users(criteria).count()
    total = min(count, options.limit or count)
    while len(rows) < total:
        page = matrix.page(criteria, after=after, size=min(500, total - len(rows)))
        rows += [
            {
                "id": user.pk,
                "name": user.name,
                "address": user.address,
                "login": user.login,
                "unit": user.unit_name,
                "disabled": user.is_disabled,
                "has_roles": user.has_roles,
                "mailbox": _METHOD_NAMES.get(user.method, "") if user.method is not None else "",
                **{group.value: getattr(user, group.value) for group in Group},
                "reach": user.paths,
                "read_at": user.filters_read_at,
            }
            for user in page.users
        ]
        show_progress(len(rows), total)
        if not page.has_more:
            break
        after = page.last
    inventory = matrix.inventory_cursor()
    read_at = inventory.pulled_at if inventory else None
    more = count > len(rows)
    lines = []
    for each in [_HEADING, *rows]:
        cells = "  ".join(f"{each[group.value]:<12}" for group in Group)
        lines.append(f"{each['name'][:28]:<28}  {each['address'][:36]:<36}  {each['mailbox']:<11}  {cells}".rstrip())
    lines += [f"The first {len(rows):,} of {count:,} users; --limit 0 shows all."] if more else []
    return {"read_at": read_at, "count": count, "more": more, "users": rows}, [*lines, _describe_inventory_age(read_at)]


_HEADING = {"name": "Name", "address": "Address", "mailbox": "Mailbox"} | {each.value: each.label for each in Group}


def _describe_inventory_age(read_at: datetime | None) -> str:
    return (
        f"Last read from the CRM at {read_at:%Y-%m-%d %H:%M} UTC." if read_at else "The users have not been read yet."
    )


def _plan(options: Namespace, show_progress: ShowProgress) -> Answer:
    try:
        spec = RunSpec(tables_of(options.tables), on=options.on)
    except ValueError as error:
        raise CommandError(str(error)) from error
    criteria = _criteria(options)
    if criteria == ALL_USERS and not options.everybody and options.users_file is None:
        raise CommandError("Nothing narrows the selection. Add --everybody to plan for all users.")
    ids = list(matrix.matching_users(criteria).order_by("name_key", "id").values_list("pk", flat=True))
    left_out: list[str] = []
    if options.users_file is not None:
        try:
            named = named_users.find(arguments.read_text(options.users_file))
        except NotPossible as error:
            raise CommandError(f"{options.users_file}: {error}") from error
        wanted = {each.user_id for each in named.matches if each.user_id}
        if not wanted:
            raise CommandError(f"{options.users_file} names no CRM user.")
        ids = [user_id for user_id in ids if user_id in wanted]
        left_out = [
            f"{each.text} ({'more than one user' if each.fits_several else 'no CRM user'})"
            for each in named.matches
            if each.user_id is None
        ]
        left_out += named.unread
    found = dry_run.summarize(ids, spec, report_progress=lambda done: show_progress(done, len(ids)))
    word = "on" if options.on else "off"
    lines = [f"{', '.join(spec.tables)} {word} for {found.users:,} users:"]
    lines += [f"{users:>8,}  {Plan(plan).label}" for plan, users in found.by_plan.items() if plan != Plan.HELD]
    lines += [f"{users:>16,}  {why}" for why, users in found.by_reason.items()]
    lines.append(f"{found.may_be_held:>8,}  of those who will change are held back if they organize future meetings")
    lines += [f"Left out: {each}" for each in left_out]
    lines.append("Nothing was created. Runs are started in the portal, by a person who is signed in.")
    return {"tables": spec.tables, "wanted": word, **asdict(found), "left_out": left_out}, lines


def _status(options: Namespace, show_progress: ShowProgress) -> Answer:
    if options.run is None:
        capabilities, inventory = access.capabilities(), matrix.inventory_cursor()
        read_at, is_reading = (inventory.pulled_at, bool(inventory.next_link)) if inventory else (None, False)
        users = FilterUser.objects.people().count()
        data: dict[str, Any] = {"read_at": read_at, "reading_now": is_reading, "users": users}
        data |= {"reading": capabilities.reading, "reading_probed_at": capabilities.reading_probed_at}
        data |= {"writing": capabilities.writing, "writing_probed_at": capabilities.writing_probed_at}
        lines = [
            f"{users:,} users. {_describe_inventory_age(read_at)}{' They are being read now.' if is_reading else ''}"
        ]
        lines.append(
            f"Filters are read: {capabilities.get_reading_display()}. Switched: {capabilities.get_writing_display()}."
        )
        return data, lines
    run = FilterRun.objects.select_related("person").filter(number=options.run).first()
    if run is None:
        raise CommandError(f"There is no run {options.run}.")
    counted = transitions.count_by_outcome(run)
    users = sum(counted.values())
    open_users = counted.pop("", 0)
    show_progress(users - open_users, users)
    data = {"run": run.number, "state": run.state, "tables": run.tables, "wanted": "on" if run.wanted_on else "off"}
    data |= {"by": run.person.name, "frozen_at": run.frozen_at, "finished_at": run.finished_at, "users": users}
    data |= {"open": open_users, "outcomes": counted}
    finished = users - open_users - counted.get(Outcome.CANCELLED, 0)
    lines = [f"Run {run.number}: {run.state_label}, {finished:,} of {users:,} users are finished."]
    return data, lines + [f"{number:>8,}  {Outcome(each).label}" for each, number in sorted(counted.items())]


_SUBCOMMANDS: dict[str, Callable[[Namespace, ShowProgress], Answer]] = {"list": _list, "plan": _plan, "status": _status}
