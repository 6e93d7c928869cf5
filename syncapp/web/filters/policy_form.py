"""The form of a policy: what was typed, back into the controls, and the wish that it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import QueryDict

from syncapp.models import FilterPolicy, FilterUser
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, name_of
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import disagreements, groups
from syncapp.sync_filters.policies.editing import BadPolicy, PolicyWish
from syncapp.sync_filters.runs import named_users, targets
from syncapp.text.ids import parse_uuid
from syncapp.text.localization import number
from syncapp.web.base import parameters

TABLES = (*APPOINTMENT_TABLES, "contact", "task", "phonecall", "letter", "fax")
Typed = Mapping[str, Any]


def empty() -> Typed:
    """A new policy as it is mostly wanted: appointments off."""
    return {"tables": list(APPOINTMENT_TABLES), "wanted": "off", "per_night": "50"}


def of(policy: FilterPolicy) -> Typed:
    """What a policy's row puts into the controls."""
    users = FilterUser.objects.filter(pk__in=policy.exceptions).order_by("name_key")
    return {
        "name": policy.name,
        "group": f"team:{policy.team_id}" if policy.team_id else f"unit:{policy.unit_id}",
        "tables": policy.tables,
        "wanted": "on" if policy.wanted_on else "off",
        "exceptions": "\n".join(user.address or user.name for user in users),
        "starts_on": policy.starts_on.isoformat() if policy.starts_on else "",
        "ends_on": policy.ends_on.isoformat() if policy.ends_on else "",
        "per_night": str(policy.per_night),
    }


def typed(post: QueryDict) -> Typed:
    """What somebody typed, as it was typed."""
    names = ("name", "group", "wanted", "exceptions", "starts_on", "ends_on", "per_night")
    return {name: post.get(name, "").strip() for name in names} | {"tables": post.getlist("tables")}


def offered() -> dict[str, Any]:
    """What the controls offer."""
    return {
        "teams": [(f"team:{team.pk}", team.name, team.is_fed_by_entra) for team in matrix.teams()],
        "units": [(f"unit:{unit.pk}", unit.name) for unit in matrix.units()],
        "tables": [(table, name_of(table)) for table in TABLES],
    }


def wish(said: Typed) -> PolicyWish:
    """The policy that this means. Raises BadPolicy."""
    kind, _, key = str(said["group"]).partition(":")
    group = parse_uuid(key)
    return PolicyWish(
        name=said["name"],
        team_id=group if kind == "team" else None,
        unit_id=group if kind == "unit" else None,
        tables=tuple(table for table in TABLES if table in said["tables"]),
        wanted_on=_wanted(said["wanted"]),
        exceptions=_exceptions(said["exceptions"]),
        starts_on=_day(said["starts_on"], "starts_on"),
        ends_on=_day(said["ends_on"], "ends_on"),
        per_night=_number(said["per_night"]),
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """The scope of a policy: its users, and the policies that keep the opposite for some of them."""

    users: int
    opposing: Sequence[tuple[FilterPolicy, int]]


def check(wish: PolicyWish, *, policy: FilterPolicy | None = None) -> Checked:
    """Return what these words would mean, without keeping them. Raises BadPolicy."""
    written = FilterPolicy(**wish.columns())
    opposing = disagreements.opposing_policies(written, but=policy.pk if policy else None)
    return Checked(len(groups.members_or_none(written)), opposing)


def _wanted(text: str) -> bool:
    if text not in ("on", "off"):
        raise BadPolicy("wanted", "Say whether they shall be on or off.")
    return text == "on"


def _exceptions(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        found = targets.of_names(text)
    except NotPossible as problem:
        raise BadPolicy("exceptions", str(problem)) from problem
    unclear = [*found.unknown, *(each.text for each in found.doubtful)]
    if unclear:
        more = f" and {number(len(unclear) - 5)} more" if len(unclear) > 5 else ""
        raise BadPolicy("exceptions", f"Not the address, login or name of one user: {', '.join(unclear[:5])}{more}.")
    if found.unread:
        raise BadPolicy("exceptions", named_users.unread_words(found.unread))
    return tuple(str(user_id) for user_id in found.ids)


def _day(text: str, field: str) -> date | None:
    day = parameters.day(text)
    if text and day is None:
        raise BadPolicy(field, "That is no day.")
    return day


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
