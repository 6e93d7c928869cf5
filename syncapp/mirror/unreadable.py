"""The register of CRM rows that could not be read, kept until they can be read or are deleted."""

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
    """Register unreadable rows, and remove those whose ids are in `readable`. Safe to repeat.

    `owners` maps an unreadable row's id to the user or team that it belongs to.
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
    updated = ["owner_id", "problem", "seen_at", "generation"]
    UnreadableRow.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["kind", "row_id"], update_fields=updated
    )


def remove(kind: Kind, ids: Iterable[object]) -> None:
    """Remove these rows from the register; they were read or deleted."""
    registered = UnreadableRow.objects.filter(kind=kind)
    if registered.exists():
        registered.filter(row_id__in=[str(each) for each in ids]).delete()


class ClientRow(Protocol):
    """A row from the client, with the problem that kept it from being read."""

    @property
    def id(self) -> UUID: ...

    @property
    def problem(self) -> str: ...


Record = TypeVar("Record", bound=ClientRow)


def split(
    kind: Kind,
    rows: Sequence[Record],
    unidentified: Sequence[Unreadable] = (),
    *,
    generation: int = 0,
    owner_of: Callable[[Record], UUID | None] = lambda row: None,
) -> tuple[list[Record], list[Record]]:
    """Register the unreadable ones of `rows`, and return the readable and the unreadable rows."""
    readable = [row for row in rows if not row.problem]
    bad = [row for row in rows if row.problem]
    owners = {str(row.id): owner for row in bad if (owner := owner_of(row))}
    found = [*(Unreadable(str(row.id), row.problem) for row in bad), *unidentified]
    register(kind, found, readable=[row.id for row in readable], generation=generation, owners=owners)
    return readable, bad


def problems_of_owners(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return, by id, the problem of each of these users and teams that has unreadable rows."""
    found = UnreadableRow.objects.filter(owner_id__in=list(ids)).order_by("-pk")
    return {owner: problem for owner, problem in found.values_list("owner_id", "problem") if owner}


def replace_all(kind: Kind, found: Collection[Unreadable]) -> None:
    """Register the unreadable rows of a complete read, and remove all others of this kind."""
    UnreadableRow.objects.filter(kind=kind).exclude(row_id__in=[each.row_id for each in found]).delete()
    register(kind, found)


def remove_older(kinds: Collection[Kind], *, generation: int) -> None:
    """Remove rows that a complete read of this generation did not find again."""
    UnreadableRow.objects.filter(kind__in=kinds, generation__lt=generation).delete()
