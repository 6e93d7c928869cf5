"""`manage.py filters list|plan|status`: what the pages show, for a terminal. Who signed in starts runs, nobody here."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from syncapp.management import choosing
from syncapp.mirror.filters import access
from syncapp.models import FilterRun, FilterTeam, FilterUnit, FilterUser, UserList
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell, Group
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import EVERYBODY, Narrowing
from syncapp.sync_filters.runs import dry_run, named_users, transitions
from syncapp.sync_filters.runs.freezing import Wish
from syncapp.sync_filters.table_names import KNOWN, tables_of
from syncapp.text import escaping

_METHODS = {"outlook": 0, "server-side": 1, "none": 2}
_METHOD_NAMES = {value: name for name, value in _METHODS.items()}
_BAR = 30
Answer = tuple[dict[str, Any], list[str]]


class Command(BaseCommand):
    """Three questions; each answer as text, or with --json for programs."""

    help = "Show users and their filters (list), what a run would do (plan), how a run or the reading goes (status)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        parts = parser.add_subparsers(dest="part", required=True, metavar="list|plan|status")
        shown = parts.add_parser("list", help="users with what of each synchronizes, narrowed as on the page")
        _add_narrowing(shown)
        shown.add_argument("--limit", type=int, default=50, help="at most this many users; 0: all (default 50)")
        planned = parts.add_parser("plan", help="what switching would do; nothing is stored, nothing is switched")
        _add_narrowing(planned)
        _add_wish(planned)
        state = parts.add_parser("status", help="of one run, or of the reading and the access")
        state.add_argument("run", type=int, nargs="?", help="the run's number")
        for each in (shown, planned, state):
            each.add_argument("--json", action="store_true", help="for programs; the progress bar goes to stderr")

    def handle(self, *args: Any, **options: Any) -> None:
        """Answer one question, or say what is wrong with it."""
        asked = Namespace(**options)
        data, lines = _PARTS[asked.part](asked, self._bar)
        words = "\n".join(map(escaping.log_line, lines))
        self.stdout.write(json.dumps(data, default=_text, indent=2) if asked.json else words)

    def _bar(self, done: int, users: int) -> None:
        if sys.stderr.isatty():
            filled = _BAR * done // max(users, 1)
            end = "\n" if done >= users else ""
            self.stderr.write(f"\r[{'#' * filled}{'.' * (_BAR - filled)}] {done:,} of {users:,} users", ending=end)


Bar = Callable[[int, int], None]


def _add_narrowing(parser: ArgumentParser) -> None:
    parser.add_argument("--search", default="", help="how the name or address begins")
    parser.add_argument("--team", default="", help="a team's name")
    parser.add_argument("--unit", default="", help="a business unit's name, without the units below it")
    parser.add_argument("--list", default="", help="a saved list's name")
    parser.add_argument("--group", choices=Group.values, default="appointments", help="what --state is about")
    parser.add_argument("--state", choices=Cell.values)
    parser.add_argument("--mailbox", choices=list(_METHODS))
    parser.add_argument("--risk", choices=SyncPaths.values, help="how often appointments arrive")


def _add_wish(parser: ArgumentParser) -> None:
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--on", action="store_true", help="the wanted end state is on")
    way.add_argument("--off", action="store_true", help="the wanted end state is off")
    parser.add_argument(
        "--tables", nargs="+", default=list(APPOINTMENT_TABLES), metavar="TABLE", help=f"of {KNOWN}; any spelling"
    )
    parser.add_argument("--users-file", type=Path, help="only the users that this file names: lines or a table")
    parser.add_argument("--everybody", action="store_true", help="needed where nothing narrows the selection")


def _narrowing(asked: Namespace) -> Narrowing:
    return Narrowing(
        search=asked.search,
        team=choosing.key_of(FilterTeam, asked.team) if asked.team else None,
        unit=choosing.key_of(FilterUnit, asked.unit) if asked.unit else None,
        listed=choosing.key_of(UserList, asked.list) if asked.list else None,
        group=Group(asked.group),
        cell=Cell(asked.state) if asked.state else None,
        method=_METHODS[asked.mailbox] if asked.mailbox else None,
        paths=SyncPaths(asked.risk) if asked.risk else None,
    )


def _list(asked: Namespace, bar: Bar) -> Answer:
    by, rows, after = _narrowing(asked), list[dict[str, Any]](), None
    if asked.limit < 0:
        raise CommandError("--limit is 0 or more; 0 shows all.")
    count = matrix.narrowed(by).count()
    total = min(count, asked.limit or count)
    while len(rows) < total:
        page = matrix.page(by, after=after, size=min(500, total - len(rows)))
        rows += [_user(user) for user in page.users]
        bar(len(rows), total)
        if not page.has_more:
            break
        after = page.users[-1]
    inventory = matrix.inventory()
    read_at = inventory.pulled_at if inventory else None
    more = count > len(rows)
    lines = [_row(each) for each in [_HEADING, *rows]]
    lines += [f"The first {len(rows):,} of {count:,} users; --limit 0 shows all."] if more else []
    return {"read_at": read_at, "count": count, "more": more, "users": rows}, [*lines, _age(read_at)]


_HEADING = {"name": "Name", "address": "Address", "mailbox": "Mailbox"} | {each.value: each.label for each in Group}


def _user(user: FilterUser) -> dict[str, Any]:
    return {
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


def _row(each: dict[str, Any]) -> str:
    cells = "  ".join(f"{each[group.value]:<12}" for group in Group)
    return f"{each['name'][:28]:<28}  {each['address'][:36]:<36}  {each['mailbox']:<11}  {cells}".rstrip()


def _age(read_at: datetime | None) -> str:
    return f"As read in the CRM until {read_at:%Y-%m-%d %H:%M} UTC." if read_at else "The users were not read yet."


def _plan(asked: Namespace, bar: Bar) -> Answer:
    try:
        wish = Wish(tables_of(asked.tables), on=asked.on)
    except ValueError as error:
        raise CommandError(str(error)) from error
    by = _narrowing(asked)
    if by == EVERYBODY and not asked.everybody and asked.users_file is None:
        raise CommandError("Nothing narrows the selection. Say --everybody where everybody is meant.")
    ids = list(matrix.narrowed(by).order_by("name_key", "id").values_list("pk", flat=True))
    left_out: list[str] = []
    if asked.users_file is not None:
        wanted, left_out = _in_file(asked.users_file)
        ids = [user_id for user_id in ids if user_id in wanted]
    found = dry_run.dry_plan(ids, wish, progress=lambda done: bar(done, len(ids)))
    way = "on" if asked.on else "off"
    lines = [f"{', '.join(wish.tables)} {way} for {found.users:,} users:"]
    lines += [f"{users:>8,}  {Plan(plan).label}" for plan, users in found.by_plan.items() if plan != Plan.HELD]
    lines += [f"{users:>16,}  {why}" for why, users in found.by_reason.items()]
    lines.append(f"{found.may_be_held:>8,}  of those who will change are held back if they organize future meetings")
    lines += [f"Left out: {each}" for each in left_out]
    lines.append("Nothing was frozen. A run is started in the portal, by somebody who signed in.")
    return {"tables": wish.tables, "wanted": way, **asdict(found), "left_out": left_out}, lines


def _in_file(path: Path) -> tuple[set[UUID], list[str]]:
    """Return the users that a file names, and everything in it that names none or several."""
    try:
        found = named_users.find(choosing.text_of(path))
    except NotPossible as error:
        raise CommandError(f"{path}: {error}") from error
    users = {each.user_id for each in found.meant if each.user_id}
    unclear = [
        f"{each.text} ({'more than one user' if each.fits_several else 'no user of the CRM'})"
        for each in found.meant
        if each.user_id is None
    ]
    if not users:
        raise CommandError(f"{path} names no user of the CRM.")
    return users, unclear + found.unread


def _status(asked: Namespace, bar: Bar) -> Answer:
    return _reading() if asked.run is None else _run(asked.run, bar)


def _run(number: int, bar: Bar) -> Answer:
    run = FilterRun.objects.select_related("person").filter(number=number).first()
    if run is None:
        raise CommandError(f"There is no run {number}.")
    counted = transitions.outcomes(run)
    users = sum(counted.values())
    open_users = counted.pop("", 0)
    bar(users - open_users, users)
    data = {"run": number, "state": run.state, "tables": run.tables, "wanted": "on" if run.wanted_on else "off"}
    data |= {"by": run.person.name, "frozen_at": run.frozen_at, "finished_at": run.finished_at, "users": users}
    data |= {"open": open_users, "outcomes": counted}
    finished = users - open_users - counted.get(Outcome.CANCELLED, 0)
    lines = [f"Run {number}: {run.get_state_display()}, {finished:,} of {users:,} users are finished."]
    return data, lines + [f"{many:>8,}  {Outcome(each).label}" for each, many in sorted(counted.items())]


def _reading() -> Answer:
    ground, inventory = access.ground(), matrix.inventory()
    read_at, under_way = (inventory.pulled_at, bool(inventory.next_link)) if inventory else (None, False)
    data: dict[str, Any] = {"read_at": read_at, "reading_now": under_way, "users": FilterUser.objects.people().count()}
    data |= {"reading": ground.reading, "reading_probed_at": ground.reading_probed_at}
    data |= {"writing": ground.writing, "writing_probed_at": ground.writing_probed_at}
    said = [f"{data['users']:,} users. {_age(read_at)}{' A reading is under way.' if under_way else ''}"]
    said.append(f"Filters are read: {ground.get_reading_display()}. Switched: {ground.get_writing_display()}.")
    return data, said


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_PARTS: dict[str, Callable[[Namespace, Bar], Answer]] = {"list": _list, "plan": _plan, "status": _status}
