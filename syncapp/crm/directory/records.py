"""Who there is in the CRM, as filter management sees it: users, teams, mailboxes, the organization.

Sources: the table reference pages "User", "Team", "Business Unit", "Mailbox" and "Organization".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar
from uuid import UUID

from syncapp.crm.staging.records import Unreadable

Row = TypeVar("Row")

# In every record below, `problem` is as in `records`.

# A setting of the organization: unless it is true, what leaves every filter is deleted in Exchange too.
DISTINCT_DELETES = "DistinctPhysicalAndLogicalDeletesForExchangeSync"


class SyncMethod(IntEnum):
    """How a mailbox synchronizes appointments, contacts and tasks (`actdeliverymethod`)."""

    OUTLOOK = 0
    SERVER_SIDE = 1
    NONE = 2


class TeamKind(IntEnum):
    """Where a team's members come from (`teamtype`)."""

    OWNER = 0
    ACCESS = 1
    ENTRA_SECURITY_GROUP = 2
    ENTRA_OFFICE_GROUP = 3


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a long list; `next_link` is '' on the last one, `unreadable` are rows without a readable id."""

    rows: tuple[Row, ...]
    next_link: str
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class ActingFor:
    """Somebody in whose name a call is made ("Impersonate another user").

    Without an Entra id (a CRM on premises) the CRM's own user id is sent, whose header the CRM
    ignores without a word when it does not know the id.
    """

    user_id: UUID
    entra_id: UUID | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The one header that says so; each kind of id goes with its own."""
        if self.entra_id is not None:
            return {"CallerObjectId": str(self.entra_id)}
        return {"MSCRMCallerID": str(self.user_id)}


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user as filter management sees him. `has_own_roles` leaves out the roles of his teams.

    `is_application` is True for users that are programs; `access_mode` 4 are non-interactive ones.
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
        """What is needed to make a call in his name."""
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
    def is_fed_by_entra(self) -> bool:
        """Whether its members join when they sign in, so that the list may be incomplete."""
        return self.kind in (TeamKind.ENTRA_SECURITY_GROUP, TeamKind.ENTRA_OFFICE_GROUP)


@dataclass(frozen=True, slots=True)
class Membership:
    """One user in one team."""

    team_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How a user's mailbox synchronizes. Numbers are the CRM's choice values; `state` 0 is active.

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
        """Whether what leaves every filter stays in Exchange; None means unknown."""
        if self.settings is None:
            return None
        return self.settings.get(DISTINCT_DELETES, "").strip().lower() == "true"
