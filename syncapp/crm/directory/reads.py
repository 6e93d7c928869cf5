"""Paged reads of users with their roles, teams, business units and mailboxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory import rows as directory_rows
from syncapp.crm.directory.records import BusinessUnit, DirectoryUser, Mailbox, Membership, Organization, Team
from syncapp.crm.errors import ProtocolError
from syncapp.crm.paging import Page, read_page
from syncapp.crm.transport import Transport

Record = TypeVar("Record")

# About 60 characters per id, so that a URL stays below the limit of any server.
_IDS_PER_REQUEST = 40
_PAGE = 1000


class Directory:
    """Reads of the directory. `link` comes from the previous page, '' for the first one; links may be stored."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def users(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[DirectoryUser]:
        """Return a page of all users, applications included."""
        return self._page(self._users(), directory_rows.user, link, page_size, deadline)

    def users_by_id(self, ids: Sequence[UUID], *, deadline: Deadline | None = None) -> tuple[DirectoryUser, ...]:
        """Return the users with these ids; unknown ones are absent."""
        return self._by_id(ids, "systemuserid", self._users, directory_rows.user, deadline)

    def teams(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[Team]:
        """Return a page of all teams, including those that the CRM created."""
        expand = f"{directory_rows.TEAM_ROLES}($select=roleid)"
        path = odata.query("teams", select=directory_rows.TEAM_COLUMNS, expand=expand)
        return self._page(path, directory_rows.team, link, page_size, deadline)

    def memberships(
        self, link: str = "", *, page_size: int = 5000, deadline: Deadline | None = None
    ) -> Page[Membership]:
        """Return a page of team memberships."""
        path = odata.query("teammemberships", select=directory_rows.MEMBERSHIP_COLUMNS)
        return self._page(path, directory_rows.membership, link, page_size, deadline)

    def business_units(
        self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None
    ) -> Page[BusinessUnit]:
        """Return a page of all business units."""
        path = odata.query("businessunits", select=directory_rows.UNIT_COLUMNS)
        return self._page(path, directory_rows.business_unit, link, page_size, deadline)

    def mailboxes(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[Mailbox]:
        """Return a page of all mailboxes, those of queues included."""
        return self._page(self._mailboxes(), directory_rows.mailbox, link, page_size, deadline)

    def mailboxes_by_id(self, ids: Sequence[UUID], *, deadline: Deadline | None = None) -> tuple[Mailbox, ...]:
        """Return the mailboxes with these ids; unknown ones are absent."""
        return self._by_id(ids, "mailboxid", self._mailboxes, directory_rows.mailbox, deadline)

    def organization(self, *, deadline: Deadline | None = None) -> Organization:
        """Return the organization of this CRM with its settings."""
        path = odata.query("organizations", select=("organizationid", "name", "orgdborgsettings"))
        found = odata.collection(self._transport.get(path, headers=odata.preferences(), deadline=deadline))
        if len(found) != 1:
            raise ProtocolError("The CRM did not return exactly one organization.", code="shape")
        return directory_rows.organization(found[0])

    def _users(self, condition: str = "") -> str:
        expand = f"{directory_rows.USER_ROLES}($select=roleid)"
        return odata.query("systemusers", select=directory_rows.USER_COLUMNS, filter=condition, expand=expand)

    def _mailboxes(self, condition: str = "") -> str:
        return odata.query("mailboxes", select=directory_rows.MAILBOX_COLUMNS, filter=condition)

    def _by_id(
        self,
        ids: Sequence[UUID],
        key: str,
        path: Callable[[str], str],
        read: Callable[[odata.Row], Record],
        deadline: Deadline | None,
    ) -> tuple[Record, ...]:
        wanted = sorted(set(ids))
        found: list[Record] = []
        for start in range(0, len(wanted), _IDS_PER_REQUEST):
            condition = odata.any_of(key, wanted[start : start + _IDS_PER_REQUEST])
            found += self._page(path(condition), read, "", _IDS_PER_REQUEST, deadline).rows
        return tuple(found)

    def _page(
        self,
        path: str,
        read: Callable[[odata.Row], Record],
        link: str,
        page_size: int,
        deadline: Deadline | None,
    ) -> Page[Record]:
        return read_page(self._transport, path, read, link=link, page_size=page_size, deadline=deadline)
