"""Records of users, teams, business units, mailboxes and the organization.

Sources: the table reference pages "User", "Team", "Business Unit", "Mailbox" and "Organization".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

# `problem` is explained in staging/records.py.

# A setting of the organization: unless it is true, rows that no filter selects any longer are deleted in Exchange too.
DISTINCT_DELETES = "DistinctPhysicalAndLogicalDeletesForExchangeSync"


class SyncMethod(IntEnum):
    """The synchronization method of appointments, contacts and tasks (`actdeliverymethod`)."""

    OUTLOOK = 0
    SERVER_SIDE = 1
    NONE = 2


class TeamKind(IntEnum):
    """The source of a team's members (`teamtype`)."""

    OWNER = 0
    ACCESS = 1
    ENTRA_SECURITY_GROUP = 2
    ENTRA_OFFICE_GROUP = 3


@dataclass(frozen=True, slots=True)
class ActingFor:
    """The user that a call impersonates ("Impersonate another user").

    Without an Entra id (an on-premises CRM) the CRM's own user id is sent; the CRM silently ignores that header when it
    does not know the id.
    """

    user_id: UUID
    entra_id: UUID | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the impersonation header, which depends on the kind of id."""
        if self.entra_id is not None:
            return {"CallerObjectId": str(self.entra_id)}
        return {"MSCRMCallerID": str(self.user_id)}


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user of the CRM. `has_own_roles` ignores roles that they have through teams.

    `is_application` is True for application users; `access_mode` 4 is non-interactive.
    """

    id: UUID
    name: str
    address: str
    login: str
    entra_id: UUID | None
    disabled: bool
    access_mode: int
    is_application: bool
    has_own_roles: bool
    business_unit_id: UUID | None
    business_unit_name: str
    mailbox_id: UUID | None
    problem: str = ""

    @property
    def acting(self) -> ActingFor:
        """Return what a call needs to impersonate this user."""
        return ActingFor(self.id, self.entra_id)


@dataclass(frozen=True, slots=True)
class BusinessUnit:
    """A part of the organization; the root has no parent."""

    id: UUID
    name: str
    parent_id: UUID | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Team:
    """A team; the default team of a business unit holds all of its users."""

    id: UUID
    name: str
    kind: int
    is_default: bool
    business_unit_id: UUID | None
    has_roles: bool
    problem: str = ""

    @property
    def is_managed_by_entra(self) -> bool:
        """Return whether members are added only when they sign in; the list may then be incomplete."""
        return self.kind in (TeamKind.ENTRA_SECURITY_GROUP, TeamKind.ENTRA_OFFICE_GROUP)


@dataclass(frozen=True, slots=True)
class Membership:
    """One user in one team."""

    team_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox and its synchronization. Numbers are the CRM's choice values; `state` 0 is active.

    `act_status`: 0 not run, 1 success, 2 failure. `incoming` and `outgoing`: 1 is the Outlook client.
    """

    id: UUID
    name: str
    user_id: UUID | None
    method: int
    enabled_for_act: bool
    act_status: int
    incoming: int
    outgoing: int
    approval: int
    syncs_this_organization: bool
    is_forward: bool
    state: int
    etag: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization and its settings; `settings` is None when they could not be read."""

    id: UUID
    name: str
    settings: Mapping[str, str] | None

    @property
    def keeps_deletes_apart(self) -> bool | None:
        """Return whether rows that no filter selects any longer stay in Exchange; None means unknown."""
        if self.settings is None:
            return None
        return self.settings.get(DISTINCT_DELETES, "").strip().lower() == "true"
