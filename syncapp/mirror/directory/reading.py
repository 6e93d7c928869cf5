"""The CRM's users, mailboxes, teams and units → our tables, page by page, for filter management."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Model, Q
from django.utils import timezone

from syncapp.crm.directory.records import BusinessUnit, DirectoryUser, Mailbox, Membership, Team
from syncapp.crm.staging.records import Unreadable
from syncapp.mirror import fitting, unreadable, upserts
from syncapp.mirror.unreadable import Kind
from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.models.folding import search_key
from syncapp.models.sync_filters.user import words_of_user

Record = TypeVar("Record", DirectoryUser, Mailbox, Team, BusinessUnit)


def store_users(rows: Sequence[DirectoryUser], generation: int, nameless: Sequence[Unreadable] = ()) -> None:
    """Users; what belongs to their mailboxes and filters stays as it is."""
    told = [(row, _user(row, generation)) for row in rows]
    bad = _store(FilterUser, Kind.USER, told, nameless, generation)
    FilterUser.objects.filter(pk__in=bad).update(read_at=timezone.now())


def _store(
    model: type[FilterUser] | type[FilterTeam] | type[FilterUnit],
    kind: Kind,
    told: Sequence[tuple[Any, dict[str, Any]]],
    nameless: Sequence[Unreadable],
    generation: int,
) -> list[UUID]:
    """Store rows with their columns of ours; return the ids of those that cannot be read, which stay as they were."""
    columns = {row.id: columns for row, columns in told}
    rows = [row if row.problem else _judged(row, model, columns[row.id]) for row, _ in told]
    good, bad = unreadable.split(kind, rows, nameless, generation=generation, owner_of=lambda row: row.id)
    upserts.upsert(model, [columns[row.id] for row in good])
    upserts.insert_missing(model, [fitting.fitted(model, columns[row.id]) for row in bad])
    ids = [row.id for row in bad]
    model._default_manager.filter(pk__in=ids).update(generation=generation)
    return ids


def _judged(row: Record, model: type[Model], columns: Mapping[str, Any]) -> Record:
    problem = fitting.misfit(model, columns)
    return replace(row, problem=problem) if problem else row


def _user(row: DirectoryUser, generation: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name[:400] or ("Unreadable user" if row.problem else ""),
        "address": row.address[:320],
        "login": row.login[:320],
        "entra_id": row.entra_id,
        "is_disabled": row.disabled,
        "is_application": row.is_application,
        "access_mode": row.access_mode,
        "has_own_roles": row.has_own_roles,
        "unit_id": row.business_unit_id,
        "unit_name": row.business_unit_name[:400],
        "name_key": search_key(row.name),
        "address_key": row.address.casefold()[:320],
        "search_words": words_of_user(name=row.name, address=row.address, login=row.login),
        "read_at": timezone.now(),
        "generation": generation,
    }


def store_mailboxes(rows: Sequence[Mailbox], generation: int, nameless: Sequence[Unreadable] = ()) -> None:
    """Store the mailboxes of users, not those of queues or forwarding ones. An unreadable one keeps its last values."""
    judged = [row if row.problem else _judged(row, FilterUser, _mailbox_columns(row)) for row in rows]
    good, bad = unreadable.split(
        Kind.MAILBOX, judged, nameless, generation=generation, owner_of=lambda row: row.user_id
    )
    _keep_as_they_were(bad)
    ours = {row.user_id: row for row in good if row.user_id is not None and not row.is_forward}
    users = list(FilterUser.objects.filter(pk__in=list(ours)))
    now = timezone.now()
    for user in users:
        fill_mailbox(user, ours[user.pk])
        user.mailbox_read_at = now
    FilterUser.objects.bulk_update(users, [*MAILBOX_COLUMNS, "mailbox_read_at"], batch_size=50)


def _keep_as_they_were(mailboxes: Sequence[Mailbox]) -> None:
    """Date the unreadable mailboxes, so that they are not taken for deleted."""
    if mailboxes:
        owners = [row.user_id for row in mailboxes if row.user_id]
        theirs = Q(mailbox_id__in=[row.id for row in mailboxes]) | Q(pk__in=owners)
        FilterUser.objects.filter(theirs).update(mailbox_read_at=timezone.now())


# Our columns of a mailbox, and what they are called where it is read.
MAILBOX_COLUMNS = {
    "mailbox_id": "id",
    "mailbox_etag": "etag",
    "mailbox_state": "state",
    "method": "method",
    "enabled_for_act": "enabled_for_act",
    "act_status": "act_status",
    "incoming": "incoming",
    "outgoing": "outgoing",
    "approval": "approval",
    "syncs_here": "syncs_this_organization",
}


def _mailbox_columns(mailbox: Mailbox) -> dict[str, Any]:
    return {ours: getattr(mailbox, theirs) for ours, theirs in MAILBOX_COLUMNS.items()}


def fill_mailbox(user: FilterUser, mailbox: Mailbox) -> None:
    """Put what was read of the mailbox into its user's row, which is not saved."""
    for name, value in _mailbox_columns(mailbox).items():
        setattr(user, name, value)


def store_teams(rows: Sequence[Team], generation: int, nameless: Sequence[Unreadable] = ()) -> None:
    """Teams; when their filters were read stays."""
    _store(FilterTeam, Kind.TEAM, [(row, _team(row, generation)) for row in rows], nameless, generation)


def _team(row: Team, generation: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name[:400] or ("Unreadable team" if row.problem else ""),
        "kind": row.kind,
        "is_default": row.is_default,
        "unit_id": row.business_unit_id,
        "has_roles": row.has_roles,
        "generation": generation,
    }


def store_units(rows: Sequence[BusinessUnit], generation: int, nameless: Sequence[Unreadable] = ()) -> None:
    """Business units."""
    _store(FilterUnit, Kind.UNIT, [(row, _unit(row, generation)) for row in rows], nameless, generation)


def _unit(row: BusinessUnit, generation: int) -> dict[str, Any]:
    name = row.name[:400] or ("Unreadable business unit" if row.problem else "")
    return {"id": row.id, "name": name, "parent_id": row.parent_id, "generation": generation}


def store_memberships(rows: Sequence[Membership], generation: int, nameless: Sequence[Unreadable] = ()) -> None:
    """Who is in which team."""
    unreadable.register(Kind.MEMBERSHIP, nameless, generation=generation)
    new = [FilterMembership(team_id=row.team_id, user_id=row.user_id, generation=generation) for row in rows]
    FilterMembership.objects.bulk_create(
        new,
        batch_size=300,
        update_conflicts=True,
        unique_fields=["team_id", "user_id"],
        update_fields=["generation"],
    )


_KINDS = (Kind.USER, Kind.MAILBOX, Kind.TEAM, Kind.UNIT, Kind.MEMBERSHIP, Kind.FILTER, Kind.SYSTEM_FILTER)


def forget_what_is_gone(generation: int) -> None:
    """After a whole reading: what it did not show is no longer there. Users stay where a run names them."""
    unreadable.remove_older(_KINDS, generation=generation)
    for model in (FilterMembership, FilterTeam, FilterUnit):
        model._default_manager.filter(generation__lt=generation).delete()
    without_mailbox = {"mailbox_id": None, "mailbox_etag": "", "method": None}
    FilterUser.objects.filter(generation__lt=generation).update(is_disabled=True, **without_mailbox)
    # Mailboxes are read after their users, so one that is older was not shown: it is deleted, or somebody else's now.
    shown = FilterUser.objects.filter(generation=generation, mailbox_id__isnull=False)
    lost = shown.filter(mailbox_read_at__lt=F("read_at"))
    lost.update(**without_mailbox, mailbox_read_at=timezone.now())
    _note_team_roles()


def _note_team_roles() -> None:
    with_roles = FilterTeam.objects.filter(has_roles=True).values("pk")
    members = FilterMembership.objects.filter(team_id__in=with_roles).values("user_id")
    FilterUser.objects.filter(pk__in=members, has_team_roles=False).update(has_team_roles=True)
    FilterUser.objects.filter(has_team_roles=True).exclude(pk__in=members).update(has_team_roles=False)
