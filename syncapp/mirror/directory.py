"""The CRM's users, mailboxes, teams and units → our tables, page by page, for filter management."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from syncapp.crm.directory_records import BusinessUnit, DirectoryUser, Mailbox, Membership, Team
from syncapp.mirror import upserts
from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.models.folding import search_key


def store_users(rows: Sequence[DirectoryUser], generation: int) -> None:
    """Users; what belongs to their mailboxes and filters stays as it is."""
    upserts.upsert(FilterUser, [_user(row, generation) for row in rows])


def _user(row: DirectoryUser, generation: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name[:400],
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
        "read_at": timezone.now(),
        "generation": generation,
    }


def store_mailboxes(rows: Sequence[Mailbox], generation: int) -> None:
    """Mailboxes of users; those of queues and forwarding ones are nobody's."""
    ours = {row.user_id: row for row in rows if row.user_id is not None and not row.is_forward}
    users = list(FilterUser.objects.filter(pk__in=list(ours)))
    now = timezone.now()
    for user in users:
        fill_mailbox(user, ours[user.pk])
        user.mailbox_read_at = now
    FilterUser.objects.bulk_update(users, [*MAILBOX_COLUMNS, "mailbox_read_at"], batch_size=50)


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


def fill_mailbox(user: FilterUser, mailbox: Mailbox) -> None:
    """Put what was read of the mailbox into its user's row, which is not saved."""
    for ours, theirs in MAILBOX_COLUMNS.items():
        setattr(user, ours, getattr(mailbox, theirs))


def store_teams(rows: Sequence[Team], generation: int) -> None:
    """Teams; when their filters were read stays."""
    upserts.upsert(
        FilterTeam,
        [
            {
                "id": row.id,
                "name": row.name[:400],
                "kind": row.kind,
                "is_default": row.is_default,
                "unit_id": row.business_unit_id,
                "has_roles": row.has_roles,
                "generation": generation,
            }
            for row in rows
        ],
    )


def store_units(rows: Sequence[BusinessUnit], generation: int) -> None:
    """Business units."""
    upserts.upsert(
        FilterUnit,
        [{"id": row.id, "name": row.name[:400], "parent_id": row.parent_id, "generation": generation} for row in rows],
    )


def store_memberships(rows: Sequence[Membership], generation: int) -> None:
    """Who is in which team."""
    new = [FilterMembership(team_id=row.team_id, user_id=row.user_id, generation=generation) for row in rows]
    FilterMembership.objects.bulk_create(
        new,
        batch_size=300,
        update_conflicts=True,
        unique_fields=["team_id", "user_id"],
        update_fields=["generation"],
    )


def forget_what_is_gone(generation: int) -> None:
    """After a whole reading: what it did not show is no longer there. Users stay where a run names them."""
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
