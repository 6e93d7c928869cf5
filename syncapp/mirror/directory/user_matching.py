"""Matching of the entries that people typed with users, by address, login or full name, never by guessing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from syncapp.mirror.directory.name_keys import match_key, possible_names, split_login
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterUser, UserList, UserListEntry
from syncapp.models.folding import by_name

_CHUNK = 1000
Keys = dict[str, set[UUID]]


@dataclass(frozen=True, slots=True)
class UserMatch:
    """An entry and the users it matches; several matches count as none."""

    text: str
    user_ids: tuple[UUID, ...]

    @property
    def user_id(self) -> UUID | None:
        """Return the user if exactly one matches."""
        return self.user_ids[0] if len(self.user_ids) == 1 else None

    @property
    def fits_several(self) -> bool:
        """Return whether more than one user matches."""
        return len(self.user_ids) > 1


def match(texts: Iterable[str]) -> list[UserMatch]:
    """Match each text with users: by address or login first, by full name only if neither matches."""
    directory = Directory()
    return [UserMatch(text, directory.find(text)) for text in texts]


class Directory:
    """Every user by address, login and name, read once for any number of texts."""

    def __init__(self) -> None:
        self._accounts: Keys = defaultdict(set)
        self._login_parts: dict[tuple[str, str], set[UUID]] = defaultdict(set)
        self._names: Keys = defaultdict(set)
        self._reversed_names: Keys = defaultdict(set)
        people = FilterUser.objects.people().values_list("pk", "address", "login", "name")
        for user_id, *texts in people.iterator():
            address, login, name = map(match_key, texts)
            self._accounts[address].add(user_id)
            self._accounts[login].add(user_id)
            if login:
                self._login_parts[split_login(login)].add(user_id)
            self._names[name].add(user_id)
            if name.count(",") == 1:
                self._reversed_names[possible_names(name)[1]].add(user_id)
        domains = {domain for domain, _ in self._login_parts}
        self._only_domain = domains.pop() if len(domains) == 1 else None

    def find(self, text: str) -> tuple[UUID, ...]:
        """Return the users that a text matches: none, one, or several equally good ones."""
        key = match_key(text)
        if not key:
            return ()
        found = self._accounts.get(key)
        if not found and "\\" in key:
            # `DOMAIN\account` matches other forms of the login; the domain decides between several users.
            domain, account = split_login(key)
            found = self._accounts.get(account) or self._login_parts.get((self._only_domain or domain, account))
        if not found:
            sources = ((names, name) for name in possible_names(key) for names in (self._names, self._reversed_names))
            found = next((names[name] for names, name in sources if name in names), set())
        return tuple(sorted(found))


def match_entries(lists: Iterable[UserList]) -> None:
    """Match every entry of these lists again and recompute the sync paths of the users affected."""
    with transaction.atomic():
        in_lists = UserListEntry.objects.filter(list__in=[each.pk for each in lists])
        entries = list(in_lists.order_by("list_id", "position"))
        changed = []
        for entry, found in zip(entries, match([entry.text for entry in entries]), strict=True):
            if (entry.user_id, entry.fits_several) != (found.user_id, found.fits_several):
                entry.user_id, entry.fits_several = found.user_id, found.fits_several
                changed.append(entry)
        UserListEntry.objects.bulk_update(changed, ["user_id", "fits_several"], batch_size=_CHUNK)
        count_products()


def count_products() -> None:
    """Recount the products whose lists name each user, and recompute the sync paths of users whose count changed."""
    named = UserListEntry.objects.filter(list__brings_appointments=True, user__isnull=False)
    counted = dict(named.values_list("user").annotate(lists=Count("list", distinct=True)).order_by())
    held = dict(FilterUser.objects.filter(products__gt=0).values_list("pk", "products"))
    changed = [pk for pk in counted.keys() | held.keys() if counted.get(pk, 0) != held.get(pk, 0)]
    for start in range(0, len(changed), _CHUNK):
        part = changed[start : start + _CHUNK]
        for lists in {counted.get(pk, 0) for pk in part}:
            same = [pk for pk in part if counted.get(pk, 0) == lists]
            FilterUser.objects.filter(pk__in=same).update(products=lists)
        sync_paths.recompute(FilterUser.objects.filter(pk__in=part))


def lists_naming(user_id: UUID) -> list[UserList]:
    """Return the lists that name this user, lists of products first."""
    named = Q(entries__user_id=user_id)
    lists = by_name(UserList.objects.filter(named).distinct())
    return sorted(lists, key=lambda each: not each.brings_appointments)
