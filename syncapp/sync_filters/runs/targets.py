"""Whom a run is about: a team, a business unit with all below it, a kept list, or names as somebody pasted them.

Nothing is guessed: a line that means nobody, or several, is told and left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from syncapp.mirror.directory import list_matching
from syncapp.mirror.directory.list_matching import Meant
from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser, UserList
from syncapp.models.sync_filters.user import FilterUserQuerySet
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists as lists
from syncapp.sync_filters.runs import named_users
from syncapp.sync_filters.runs.freezing import MOST_USERS
from syncapp.text.localization import number

_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A line that means several users: the addresses to choose from."""

    text: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Users in an order, how they came to be chosen in words, and what was left out.

    `unread`: lines of a text that could not be read, with the reason; `notes`: how its columns were read.
    """

    ids: tuple[UUID, ...]
    words: str
    unknown: tuple[str, ...] = ()
    doubtful: tuple[Doubtful, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """Return how many people or lines of a text match no single user, or were not read."""
        return len(self.unknown) + len(self.doubtful) + len(self.unread)


def of_team(team_id: UUID) -> Chosen:
    """The members of a team, by name. Raises NotPossible."""
    team = FilterTeam.objects.filter(pk=team_id).first()
    if team is None:
        raise NotPossible("The team is no longer in the CRM.")
    members = FilterMembership.objects.filter(team_id=team_id).values("user_id")
    return Chosen(_by_name(FilterUser.objects.people().filter(pk__in=members)), f"Team {team.name}")


def of_unit(unit_id: UUID) -> Chosen:
    """Everybody in a business unit and in those below it, by name. Raises NotPossible."""
    names, below = _units()
    if unit_id not in names:
        raise NotPossible("The business unit is no longer in the CRM.")
    units = _with_all_below(unit_id, below)
    users = FilterUser.objects.people().filter(unit_id__in=units)
    rest = len(units) - 1
    more = f" with {rest} unit{'' if rest == 1 else 's'} below it" if rest else ""
    return Chosen(_by_name(users), f"Business unit {names[unit_id]}{more}")


def _units() -> tuple[dict[UUID, str], dict[UUID | None, list[UUID]]]:
    names: dict[UUID, str] = {}
    below: dict[UUID | None, list[UUID]] = defaultdict(list)
    for unit in FilterUnit.objects.all():
        names[unit.pk] = unit.name
        below[unit.parent_id].append(unit.pk)
    return names, below


def _with_all_below(unit_id: UUID, below: dict[UUID | None, list[UUID]]) -> list[UUID]:
    found = [unit_id]
    for each in found:  # grows while it is walked; a circle of units ends it too
        found += [unit for unit in below.get(each, ()) if unit not in found]
    return found


def of_list(list_id: UUID) -> Chosen:
    """Whom a kept list means; its lines that mean nobody are told. Raises NotPossible."""
    kept = UserList.objects.filter(pk=list_id).first()
    if kept is None:
        raise NotPossible("The list was deleted.")
    left_out = lists.unmatched(kept, most=_MOST_TOLD)
    unknown = tuple(entry.text for entry in left_out if not entry.fits_several)
    doubtful = _doubtful(list_matching.match([entry.text for entry in left_out if entry.fits_several]))
    return Chosen(tuple(lists.matched(kept)), f"List {kept.name}", unknown, doubtful)


def of_names(text: str) -> Chosen:
    """Return the users that a text names by address, login or full name. Raises NotPossible."""
    found = named_users.find(text)
    if not found.meant and not found.unread:
        raise NotPossible("Paste or upload addresses, logins or full names.")
    ids = tuple(dict.fromkeys(each.user_id for each in found.meant if each.user_id))
    unknown = tuple(each.text for each in found.meant if not each.user_ids)
    doubtful = _doubtful([each for each in found.meant if each.fits_several])
    left_out = len(unknown) + len(doubtful) + len(found.unread)
    words = f"{number(len(found.meant))} pasted name{'' if len(found.meant) == 1 else 's'}"
    words += f", {number(left_out)} left out" if left_out else ""
    return Chosen(ids, words, unknown, doubtful, tuple(found.unread), tuple(found.notes))


def of_ids(ids: Sequence[UUID], words: str = "Ticked") -> Chosen:
    """Exactly these, in this order."""
    return Chosen(tuple(dict.fromkeys(ids)), words)


def _doubtful(meant: Sequence[Meant]) -> tuple[Doubtful, ...]:
    wanted = {user_id for each in meant for user_id in each.user_ids}
    users = FilterUser.objects.in_bulk(list(wanted))
    return tuple(
        Doubtful(each.text, tuple(users[user_id].address or users[user_id].login for user_id in each.user_ids))
        for each in meant
    )


def _by_name(users: FilterUserQuerySet) -> tuple[UUID, ...]:
    """By name, at most one more than a run takes."""
    return tuple(users.order_by("name_key", "id").values_list("pk", flat=True)[: MOST_USERS + 1])
