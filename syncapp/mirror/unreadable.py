"""The register of rows that could not be read: noted with each reading, gone once they can be read or are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from django.utils import timezone

from syncapp.crm.staging.records import Unreadable
from syncapp.models import UnreadableRow

Kind = UnreadableRow.Kind


def register(
    kind: Kind,
    found: Collection[Unreadable],
    *,
    readable: Iterable[object] = (),
    generation: int = 0,
    owners: Mapping[str, UUID] | None = None,
) -> None:
    """Register what could not be read, and strike the rows with the ids `readable`. Safe to repeat.

    `owners` names the user or team that an unreadable row belongs to.
    """
    remove(kind, readable)
    now = timezone.now()
    rows = [
        UnreadableRow(
            kind=kind,
            row_id=each.row_id,
            owner_id=(owners or {}).get(each.row_id),
            problem=each.problem[:300],
            first_seen_at=now,
            seen_at=now,
            generation=generation,
        )
        for each in {each.row_id: each for each in found}.values()
    ]
    kept = ["owner_id", "problem", "seen_at", "generation"]
    UnreadableRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["kind", "row_id"], update_fields=kept)


def remove(kind: Kind, ids: Iterable[object]) -> None:
    """Strike these rows, which were read or are gone."""
    held = UnreadableRow.objects.filter(kind=kind)
    if held.exists():
        held.filter(row_id__in=[str(each) for each in ids]).delete()


class Readable(Protocol):
    """A record of the client: which row it is, and what of it could not be read."""

    @property
    def id(self) -> UUID: ...

    @property
    def problem(self) -> str: ...


Record = TypeVar("Record", bound=Readable)


def split(
    kind: Kind,
    rows: Sequence[Record],
    nameless: Sequence[Unreadable] = (),
    *,
    generation: int = 0,
    owner_of: Callable[[Record], UUID | None] = lambda row: None,
) -> tuple[list[Record], list[Record]]:
    """Register those of `rows` that could not be read, and return the readable and the unreadable ones."""
    good = [row for row in rows if not row.problem]
    bad = [row for row in rows if row.problem]
    owners = {str(row.id): owner for row in bad if (owner := owner_of(row))}
    found = [*(Unreadable(str(row.id), row.problem) for row in bad), *nameless]
    register(kind, found, readable=[row.id for row in good], generation=generation, owners=owners)
    return good, bad


def problems_of_owners(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the unreadable rows of these users or teams, their mailboxes and filters, by their ids."""
    found = UnreadableRow.objects.filter(owner_id__in=list(ids)).order_by("-pk")
    return {owner: problem for owner, problem in found.values_list("owner_id", "problem") if owner}


def replace_all(kind: Kind, found: Collection[Unreadable]) -> None:
    """Register what a reading of all rows of this kind could not read, and strike all others of the kind."""
    UnreadableRow.objects.filter(kind=kind).exclude(row_id__in=[each.row_id for each in found]).delete()
    register(kind, found)


def remove_older(kinds: Collection[Kind], *, generation: int) -> None:
    """After a whole reading, strike what it did not find again."""
    UnreadableRow.objects.filter(kind__in=kinds, generation__lt=generation).delete()
