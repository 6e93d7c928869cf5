"""The register of rows that could not be read: noted with each reading, gone once they can be read or are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.utils import timezone

from syncapp.crm.records import Unreadable
from syncapp.models import UnreadableRow

Kind = UnreadableRow.Kind


def note(
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
    forget(kind, readable)
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


def forget(kind: Kind, ids: Iterable[object]) -> None:
    """Strike these rows, which were read or are gone."""
    held = UnreadableRow.objects.filter(kind=kind)
    if held.exists():
        held.filter(row_id__in=[str(each) for each in ids]).delete()


def forget_older(kinds: Collection[Kind], *, generation: int) -> None:
    """After a whole reading, strike what it did not find again."""
    UnreadableRow.objects.filter(kind__in=kinds, generation__lt=generation).delete()
