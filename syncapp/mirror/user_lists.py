"""Whom the lines of a list mean: an address, a login or a whole name, and never a guess."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from syncapp.mirror import reach
from syncapp.models import FilterUser, UserList, UserListEntry
from syncapp.models.folding import search_key

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Meant:
    """A line, and whom it means: nobody, one, or several, which is as good as nobody."""

    text: str
    user_ids: tuple[UUID, ...]

    @property
    def user_id(self) -> UUID | None:
        """The one whom it means."""
        return self.user_ids[0] if len(self.user_ids) == 1 else None

    @property
    def fits_several(self) -> bool:
        """Whether it names more than one."""
        return len(self.user_ids) > 1


def match(texts: Sequence[str]) -> list[Meant]:
    """Whom each line means: by address or login, and only where neither fits by the whole name."""
    by_account, by_name = _keys()
    return [Meant(text, tuple(_found(search_key(text.strip()), by_account, by_name))) for text in texts]


def _keys() -> tuple[Mapping[str, set[UUID]], Mapping[str, set[UUID]]]:
    by_account: dict[str, set[UUID]] = defaultdict(set)
    by_name: dict[str, set[UUID]] = defaultdict(set)
    people = FilterUser.objects.people().values_list("pk", "address_key", "login", "name_key")
    for user_id, address, login, name in people.iterator():
        by_account[address].add(user_id)
        by_account[search_key(login)].add(user_id)
        by_name[name].add(user_id)
    by_account.pop("", None)
    return by_account, by_name


def _found(key: str, *sources: Mapping[str, set[UUID]]) -> list[UUID]:
    found: Iterable[UUID] = next((source[key] for source in sources if key and key in source), ())
    return sorted(found)


def match_entries(lists: Iterable[UserList]) -> None:
    """Match every line of these lists anew, and work out again how appointments reach whom it concerns."""
    with transaction.atomic():
        of_lists = UserListEntry.objects.filter(list__in=[each.pk for each in lists])
        entries = list(of_lists.order_by("list_id", "position"))
        changed = []
        for entry, meant in zip(entries, match([entry.text for entry in entries]), strict=True):
            if (entry.user_id, entry.fits_several) != (meant.user_id, meant.fits_several):
                entry.user_id, entry.fits_several = meant.user_id, meant.fits_several
                changed.append(entry)
        UserListEntry.objects.bulk_update(changed, ["user_id", "fits_several"], batch_size=_CHUNK)
        count_products()


def count_products() -> None:
    """How many products name each user; with those for whom that changed, how appointments reach them."""
    named = UserListEntry.objects.filter(list__brings_appointments=True, user__isnull=False)
    counted = dict(named.values_list("user").annotate(lists=Count("list", distinct=True)).order_by())
    held = dict(FilterUser.objects.filter(products__gt=0).values_list("pk", "products"))
    changed = [pk for pk in counted.keys() | held.keys() if counted.get(pk, 0) != held.get(pk, 0)]
    for start in range(0, len(changed), _CHUNK):
        part = changed[start : start + _CHUNK]
        for lists in {counted.get(pk, 0) for pk in part}:
            same = [pk for pk in part if counted.get(pk, 0) == lists]
            FilterUser.objects.filter(pk__in=same).update(products=lists)
        reach.work_out(FilterUser.objects.filter(pk__in=part))


def products_of(user_id: UUID) -> list[UserList]:
    """The lists that name this user, those of products first."""
    named = Q(entries__user_id=user_id)
    return list(UserList.objects.filter(named).distinct().order_by("-brings_appointments", "name"))
