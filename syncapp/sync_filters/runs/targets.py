"""The users that a run targets: a team, a business unit with all units below it, a saved list, or pasted names.

Nothing is guessed: entries that match no user, or several, are reported and left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from syncapp.mirror.directory import user_matching
from syncapp.mirror.directory.user_matching import UserMatch
from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser, UserList
from syncapp.models.sync_filters.user import FilterUserQuerySet
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import named_users
from syncapp.sync_filters.runs.creation import MAX_USERS
from syncapp.text.localization import number

_MAX_REPORTED = 100


@dataclass(frozen=True, slots=True)
class AmbiguousEntry:
    """An entry that matches several users, with their addresses to choose from."""

    text: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Targets:
    """Users in order, the selection in words, and the entries left out.

    `unknown`: entries that match no user. `ambiguous`: entries that match several. `unread`: entries that could not be
    read, with the reason. `notes`: how a table's columns were read.
    """

    ids: tuple[UUID, ...]
    words: str
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[AmbiguousEntry, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """Return how many entries match no single user or could not be read."""
        return len(self.unknown) + len(self.ambiguous) + len(self.unread)


def of_team(team_id: UUID) -> Targets:
    """Return the members of a team, sorted by name. Raises NotPossible."""
    team = FilterTeam.objects.filter(pk=team_id).first()
    if team is None:
        raise NotPossible("The team is no longer in the CRM.")
    members = FilterMembership.objects.filter(team_id=team_id).values("user_id")
    return Targets(_sorted_ids(FilterUser.objects.people().filter(pk__in=members)), f"Team {team.name}")


def of_unit(unit_id: UUID) -> Targets:
    """Return the users of a business unit and of all units below it, sorted by name. Raises NotPossible."""
    names: dict[UUID, str] = {}
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    for unit in FilterUnit.objects.all():
        names[unit.pk] = unit.name
        children[unit.parent_id].append(unit.pk)
    if unit_id not in names:
        raise NotPossible("The business unit is no longer in the CRM.")
    units = [unit_id]
    for each in units:  # the list grows meanwhile; known units are skipped, so a cycle ends
        units += [child for child in children.get(each, ()) if child not in units]
    below = len(units) - 1
    more = f" with {below} unit{'' if below == 1 else 's'} below it" if below else ""
    users = FilterUser.objects.people().filter(unit_id__in=units)
    return Targets(_sorted_ids(users), f"Business unit {names[unit_id]}{more}")


def of_list(list_id: UUID) -> Targets:
    """Return the users that a saved list matches, and its other entries. Raises NotPossible."""
    user_list = UserList.objects.filter(pk=list_id).first()
    if user_list is None:
        raise NotPossible("The list was deleted.")
    left_out = user_lists.unmatched_entries(user_list, limit=_MAX_REPORTED)
    unknown = tuple(entry.text for entry in left_out if not entry.fits_several)
    ambiguous = _ambiguous_entries(user_matching.match([entry.text for entry in left_out if entry.fits_several]))
    unmatched = user_list.entries.filter(user__isnull=True).count()
    words = f"List {user_list.name}" + (
        f", {number(unmatched)} entr{'y' if unmatched == 1 else 'ies'} left out" if unmatched else ""
    )
    return Targets(tuple(user_lists.matched_user_ids(user_list)), words, unknown, ambiguous)


def of_names(text: str) -> Targets:
    """Return the users that a text names by address, login or full name. Raises NotPossible."""
    found = named_users.find(text)
    if not found.matches and not found.unread:
        raise NotPossible("Paste or upload addresses, logins or full names.")
    ids = tuple(dict.fromkeys(each.user_id for each in found.matches if each.user_id))
    unknown = tuple(each.text for each in found.matches if not each.user_ids)
    ambiguous = _ambiguous_entries([each for each in found.matches if each.fits_several])
    left_out = len(unknown) + len(ambiguous) + len(found.unread)
    words = f"{number(len(found.matches))} pasted name{'' if len(found.matches) == 1 else 's'}"
    words += f", {number(left_out)} left out" if left_out else ""
    return Targets(ids, words, unknown, ambiguous, tuple(found.unread), tuple(found.notes))


def of_ids(ids: Sequence[UUID], words: str) -> Targets:
    """Return exactly these users, in this order."""
    return Targets(tuple(dict.fromkeys(ids)), words)


def _ambiguous_entries(matches: Sequence[UserMatch]) -> tuple[AmbiguousEntry, ...]:
    users = FilterUser.objects.in_bulk([user_id for each in matches for user_id in each.user_ids])
    return tuple(
        AmbiguousEntry(each.text, tuple(users[user_id].address or users[user_id].login for user_id in each.user_ids))
        for each in matches
    )


def _sorted_ids(users: FilterUserQuerySet) -> tuple[UUID, ...]:
    """Return the ids sorted by name: at most MAX_USERS + 1, which tells that there are too many."""
    return tuple(users.order_by("name_key", "id").values_list("pk", flat=True)[: MAX_USERS + 1])
