"""Rows of the CRM's users, mailboxes, teams and business units, stored page by page for filter management."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import F, Model, Q
from django.utils import timezone

from syncapp.crm.directory.records import BusinessUnit, DirectoryUser, Mailbox, Membership, Team, TeamKind
from syncapp.crm.staging.records import Unreadable
from syncapp.mirror import fitting, unreadable, upserts
from syncapp.mirror.filters import store as filter_store
from syncapp.mirror.unreadable import Kind
from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.models.folding import search_key
from syncapp.models.sync_filters.user import search_words_of

Record = TypeVar("Record", DirectoryUser, Mailbox, Team, BusinessUnit)


def store_users(rows: Sequence[DirectoryUser], generation: int, unidentified: Sequence[Unreadable] = ()) -> None:
    """Store users, keeping the columns of their mailboxes and filters. Filters of new and changed users become due."""
    values = [
        {
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
            "search_words": search_words_of(name=row.name, address=row.address, login=row.login),
            "read_at": timezone.now(),
            "generation": generation,
        }
        for row in rows
    ]
    known = FilterUser.objects.filter(pk__in=[row.id for row in rows])
    before = {pk: columns for pk, *columns in known.values_list("pk", *_MEMBERSHIP_COLUMNS)}
    bad = _store(FilterUser, Kind.USER, rows, values, unidentified, generation)
    FilterUser.objects.filter(pk__in=bad).update(read_at=timezone.now())
    after = {row.id: [columns[name] for name in _MEMBERSHIP_COLUMNS] for row, columns in zip(rows, values, strict=True)}
    # Unreadable users keep their last values.
    changed = [pk for pk, columns in after.items() if before.get(pk) != columns and (pk not in bad or pk not in before)]
    FilterUser.objects.filter(pk__in=changed).update(filters_due=True)


# Columns that say whether a policy covers the user, and whether the portal can act as them.
_MEMBERSHIP_COLUMNS = ("is_disabled", "unit_id", "has_own_roles", "entra_id")


def _store(
    model: type[FilterUser] | type[FilterTeam] | type[FilterUnit],
    kind: Kind,
    rows: Sequence[Any],
    values: Sequence[dict[str, Any]],
    unidentified: Sequence[Unreadable],
    generation: int,
) -> list[UUID]:
    """Store the values of these rows; return the ids of unreadable ones, which keep their last values."""
    columns = {each["id"]: each for each in values}
    checked = [row if row.problem else _with_problem(row, model, columns[row.id]) for row in rows]
    good, bad = unreadable.split(kind, checked, unidentified, generation=generation, owner_of=lambda row: row.id)
    upserts.upsert(model, [columns[row.id] for row in good])
    upserts.insert_missing(model, [fitting.fitted(model, columns[row.id]) for row in bad])
    ids = [row.id for row in bad]
    model._default_manager.filter(pk__in=ids).update(generation=generation)
    return ids


def _with_problem(row: Record, model: type[Model], columns: Mapping[str, Any]) -> Record:
    """Return the row marked as unreadable if our columns cannot hold its values."""
    problem = fitting.misfit(model, columns)
    return replace(row, problem=problem) if problem else row


def store_mailboxes(rows: Sequence[Mailbox], generation: int, unidentified: Sequence[Unreadable] = ()) -> None:
    """Store users' mailboxes, skipping queue and forwarding mailboxes. Unreadable mailboxes keep their last values."""
    checked = [row if row.problem else _with_problem(row, FilterUser, _mailbox_columns(row)) for row in rows]
    good, bad = unreadable.split(
        Kind.MAILBOX, checked, unidentified, generation=generation, owner_of=lambda row: row.user_id
    )
    if bad:
        # Their date is set, so that they do not count as deleted.
        owners = Q(mailbox_id__in=[row.id for row in bad]) | Q(pk__in=[row.user_id for row in bad if row.user_id])
        FilterUser.objects.filter(owners).update(mailbox_read_at=timezone.now())
    by_user = {row.user_id: row for row in good if row.user_id is not None and not row.is_forward}
    users = list(FilterUser.objects.filter(pk__in=list(by_user)))
    now = timezone.now()
    for user in users:
        _fill_mailbox(user, by_user[user.pk])
        user.mailbox_read_at = now
    FilterUser.objects.bulk_update(users, [*MAILBOX_COLUMNS, "mailbox_read_at"], batch_size=50)


# Our columns of a mailbox, with the names of the client's attributes.
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


def _fill_mailbox(user: FilterUser, mailbox: Mailbox) -> None:
    for name, value in _mailbox_columns(mailbox).items():
        setattr(user, name, value)


@transaction.atomic
def store_written_mailbox(user_id: UUID, mailbox: Mailbox) -> None:
    """Store a mailbox as it was read back after a write, and recompute its user's sync paths.

    Nothing is stored if the mailbox no longer belongs to this user.
    """
    user = FilterUser.objects.select_for_update().filter(pk=user_id, mailbox_id=mailbox.id).first()
    if user is None:
        return
    _fill_mailbox(user, mailbox)
    user.mailbox_read_at = timezone.now()
    user.save(update_fields=[*MAILBOX_COLUMNS, "mailbox_read_at"])
    filter_store.summarize([user_id])


def store_teams(rows: Sequence[Team], generation: int, unidentified: Sequence[Unreadable] = ()) -> None:
    """Store teams, keeping the time at which their filters were read."""
    values = [
        {
            "id": row.id,
            "name": row.name[:400] or ("Unreadable team" if row.problem else ""),
            "kind": row.kind,
            "is_default": row.is_default,
            "unit_id": row.business_unit_id,
            "has_roles": row.has_roles,
            "generation": generation,
        }
        for row in rows
    ]
    _store(FilterTeam, Kind.TEAM, rows, values, unidentified, generation)


def store_units(rows: Sequence[BusinessUnit], generation: int, unidentified: Sequence[Unreadable] = ()) -> None:
    """Store business units."""
    values = [
        {
            "id": row.id,
            "name": row.name[:400] or ("Unreadable business unit" if row.problem else ""),
            "parent_id": row.parent_id,
            "generation": generation,
        }
        for row in rows
    ]
    _store(FilterUnit, Kind.UNIT, rows, values, unidentified, generation)


def store_memberships(rows: Sequence[Membership], generation: int, unidentified: Sequence[Unreadable] = ()) -> None:
    """Store which users belong to which teams. The filters of those who joined a team become due."""
    unreadable.register(Kind.MEMBERSHIP, unidentified, generation=generation)
    known = FilterMembership.objects.filter(user_id__in={row.user_id for row in rows})
    before = set(known.values_list("team_id", "user_id"))
    # Access teams come and go with shared records.
    access_teams = set(FilterTeam.objects.filter(kind=TeamKind.ACCESS).values_list("pk", flat=True))
    joined = {
        row.user_id for row in rows if row.team_id not in access_teams and (row.team_id, row.user_id) not in before
    }
    FilterUser.objects.filter(pk__in=joined).update(filters_due=True)
    new = [FilterMembership(team_id=row.team_id, user_id=row.user_id, generation=generation) for row in rows]
    FilterMembership.objects.bulk_create(
        new,
        batch_size=300,
        update_conflicts=True,
        unique_fields=["team_id", "user_id"],
        update_fields=["generation"],
    )


_KINDS = (Kind.USER, Kind.MAILBOX, Kind.TEAM, Kind.UNIT, Kind.MEMBERSHIP)


def delete_missing(generation: int) -> None:
    """Delete or disable what a completed read of the directory did not find, and update who has roles through a team.

    Users stay, because runs refer to them.
    """
    unreadable.remove_older(_KINDS, generation=generation)
    for model in (FilterMembership, FilterTeam, FilterUnit):
        model._default_manager.filter(generation__lt=generation).delete()
    without_mailbox = {"mailbox_id": None, "mailbox_etag": "", "method": None}
    FilterUser.objects.filter(generation__lt=generation).update(is_disabled=True, **without_mailbox)
    # Mailboxes are read after their users, so a mailbox last read before its user was not found this time: it was
    # deleted, or belongs to another user now.
    found = FilterUser.objects.filter(generation=generation, mailbox_id__isnull=False)
    found.filter(mailbox_read_at__lt=F("read_at")).update(**without_mailbox, mailbox_read_at=timezone.now())
    with_roles = FilterTeam.objects.filter(has_roles=True).values("pk")
    members = FilterMembership.objects.filter(team_id__in=with_roles).values("user_id")
    FilterUser.objects.filter(pk__in=members, has_team_roles=False).update(has_team_roles=True)
    FilterUser.objects.filter(has_team_roles=True).exclude(pk__in=members).update(has_team_roles=False)
