"""The form in front of a frozen list: what was typed, what it asks for, what is missing. Nothing typed is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from syncapp.crm.directory.records import SyncMethod
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix, user_lists
from syncapp.sync_filters.runs import targets
from syncapp.sync_filters.runs.freezing import MOST_USERS, Wish
from syncapp.sync_filters.runs.targets import Chosen
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.text.localization import number
from syncapp.web.base import local_time
from syncapp.web.filters import params

# What the tables' control offers; the three kinds of appointment also each by itself.
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "appointments": ("Appointments, all three tables", APPOINTMENT_TABLES),
    "appointment": ("Appointment", ("appointment",)),
    "serviceappointment": ("Service appointment", ("serviceappointment",)),
    "recurringappointmentmaster": ("Recurring series", ("recurringappointmentmaster",)),
    "contacts": ("Contacts", ("contact",)),
    "tasks": ("Tasks", ("task",)),
    "other": ("Other: phone calls, letters, faxes", ("phonecall", "letter", "fax")),
}
METHODS = {f"method-{method.value}": method for method in SyncMethod}
_TEXTS = ("source", "shown", "team", "unit", "list", "names", "want", "tables")
_MORE_TEXTS = ("reason", "change_number", "pilot", "stop", "starts")
_CHOICES = {"team": "Choose a team.", "unit": "Choose a business unit.", "list": "Choose a saved list."}
_NUMBERS = {"pilot": "Users in the pilot", "stop": "Stops itself above"}
MOST_PERCENT = 100
MOST_BYTES = 2_000_000
_T = TypeVar("_T")


class Missing(Exception):
    """Something is missing or wrong; `where` names the control."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(words)
        self.where = where


@dataclass(frozen=True, slots=True)
class Typed:
    """What the controls held. `users` are ids, `shown` is the matrix's query, `without` leaves unknown names out."""

    source: str = ""
    users: tuple[str, ...] = ()
    shown: str = ""
    team: str = ""
    unit: str = ""
    list: str = ""
    names: str = ""
    want: str = ""
    tables: str = "appointments"
    reason: str = ""
    change_number: str = ""
    pilot: str = ""
    stop: str = "5"
    starts: str = ""
    without: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A submit that can be frozen."""

    who: Chosen
    wish: Wish


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submit asks for, or what keeps it from being frozen."""

    planned: Planned | None = None
    who: Chosen | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


def opened(query: QueryDict, post: QueryDict) -> Typed:
    """The form as a link or the list's selection opens it."""
    asked = params.read(query)
    users = tuple(post.getlist("user") or query.getlist("user"))
    shown = asked.query().lstrip("?")
    everybody = "all" in post or (bool(shown) and not users)
    source = "shown" if everybody else "ticked" if users else "team"
    want = post.get("want") or query.get("want", "")
    tables = post.get("tables") or query.get("tables", "")
    said = Typed(source=source, users=users, shown=shown, want=want)
    return replace(said, tables=tables) if tables in TABLES else said


def typed(post: QueryDict, content: bytes = b"") -> Typed:
    """What was sent; an uploaded file becomes what stands in the field for names. Raises Missing."""
    said = {name: post.get(name, "").strip() for name in (*_TEXTS, *_MORE_TEXTS)}
    found = Typed(users=tuple(post.getlist("user")), without="without" in post, **said)
    if not content:
        return found
    if len(content) > MOST_BYTES:
        raise Missing("names", f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    try:
        return replace(found, source="names", names=user_lists.read_text(content))
    except NotPossible as problem:
        raise Missing("names", str(problem)) from problem


def _named(said: Typed) -> Chosen:
    if len(said.names.encode()) > MOST_BYTES:
        raise NotPossible(f"The text is larger than {MOST_BYTES // 1_000_000} MB. Save it as a list and choose that.")
    return targets.of_names(said.names)


def submitted(said: Typed) -> Submitted:
    """Whom and what the form asks for; every problem at once."""
    problems: dict[str, str] = {}
    who = _kept(problems, lambda: _who(said))
    wish = _wish(said, problems)
    if who is not None and who.left_out and not said.without:
        problems["names"] = "Not every entry matches one user. Look at the list of entries left out."
    if who is None or wish is None or problems:
        return Submitted(None, who, problems)
    return Submitted(Planned(who, replace(wish, words=who.words)), who)


def _kept(problems: dict[str, str], read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except Missing as missing:
        problems[missing.where] = str(missing)
        return None


def _who(said: Typed) -> Chosen:
    read = _SOURCES.get(said.source)
    if read is None:
        raise Missing("source", "Say who it is about.")
    try:
        who = read(said)
    except NotPossible as problem:
        raise Missing(said.source, str(problem)) from problem
    if not who.ids and not who.left_out:
        raise Missing(said.source, "There is nobody in it.")
    if not who.ids:
        raise Missing(said.source, _nobody(who))
    if len(who.ids) > MOST_USERS:
        raise Missing(said.source, f"At most {number(MOST_USERS)} users can be in one run.")
    return who


def _nobody(who: Chosen) -> str:
    first = f" {who.unread[0]}" if who.unread else ""
    return f"Nothing in this text is the address, login or full name of a user in the CRM.{first}"


def ids_of(said: Typed) -> list[uuid.UUID]:
    """The users that were ticked; what is no id is left out."""
    return [each for each in map(parse_uuid, said.users) if each]


def _ticked(said: Typed) -> Chosen:
    return targets.of_ids(ids_of(said))


def _shown(said: Typed) -> Chosen:
    asked = params.read(QueryDict(said.shown))
    return targets.of_ids(matrix.everybody(asked.by), "All that the list showed")


def _by_id(text: str, where: str, read: Callable[[uuid.UUID], Chosen]) -> Chosen:
    found = parse_uuid(text)
    if found is None:
        raise Missing(where, _CHOICES[where])
    return read(found)


_SOURCES: dict[str, Callable[[Typed], Chosen]] = {
    "ticked": _ticked,
    "shown": _shown,
    "team": lambda said: _by_id(said.team, "team", targets.of_team),
    "unit": lambda said: _by_id(said.unit, "unit", targets.of_unit),
    "list": lambda said: _by_id(said.list, "list", targets.of_list),
    "names": _named,
}


def _wish(said: Typed, problems: dict[str, str]) -> Wish | None:
    """What is wanted; None with every problem where something is missing."""
    end = _kept(problems, lambda: _end_state(said))
    pilot = _kept(problems, lambda: number_of(said.pilot or "0", "pilot", most=MOST_USERS))
    stop = _kept(problems, lambda: number_of(said.stop or "5", "stop", most=MOST_PERCENT))
    starts_at = _kept(problems, lambda: start_of(said.starts))
    if end is None or pilot is None or stop is None:
        return None
    end = replace(end, pilot=pilot, stop_above_percent=stop, starts_at=starts_at)
    return replace(end, reason=said.reason, change_number=said.change_number)


def _end_state(said: Typed) -> Wish:
    if said.want in METHODS:
        return Wish(method=METHODS[said.want].value)
    if said.want not in ("on", "off"):
        raise Missing("want", "Say how it shall be afterwards.")
    if said.tables not in TABLES:
        raise Missing("tables", "Choose the tables.")
    return Wish(TABLES[said.tables][1], on=said.want == "on")


def number_of(text: str, where: str, *, most: int) -> int:
    """A whole number from 0 on. Raises Missing."""
    try:
        found = localization.typed_whole(text)
    except localization.Unreadable:
        found = -1
    if not 0 <= found <= most:
        raise Missing(where, f"{_NUMBERS[where]}: a whole number from 0 to {number(most)}.")
    return found


def start_of(text: str) -> datetime | None:
    """A start in the reader's time zone, None for at once. Raises Missing."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
        when = found if found is None or timezone.is_aware(found) else local_time.instant(found)
    except local_time.NoSuchTime as problem:
        raise Missing("starts", str(problem)) from problem
    except local_time.ComesTwice as problem:
        raise Missing("starts", f"{problem} Choose an earlier or a later hour.") from problem
    except (ValueError, OverflowError):
        when = None
    if when is None:
        raise Missing("starts", "A date and a time, for example 2026-12-01 06:00.")
    if when <= timezone.now():
        raise Missing("starts", "This time has passed. Leave it empty to start at once.")
    return when
