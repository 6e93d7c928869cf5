"""Who there is in the CRM: users with their roles, teams, business units, mailboxes; page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory import rows as directory_rows
from syncapp.crm.directory.records import BusinessUnit, DirectoryUser, Mailbox, Membership, Organization, Page, Team
from syncapp.crm.errors import ProtocolError
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import read_all

Record = TypeVar("Record")

# About 60 characters an id: an address stays shorter than any server's limit.
_IDS_AT_ONCE = 40
_PAGE = 1000


class Directory:
    """Reads only. A link is that of the page before, '' for the first page; links may be stored."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def users(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[DirectoryUser]:
        """All users, programs included."""
        return self._page(self._users(), directory_rows.user, link, page_size, deadline)

    def users_by_id(self, ids: Sequence[UUID], *, deadline: Deadline | None = None) -> tuple[DirectoryUser, ...]:
        """The users with these ids; unknown ones are absent."""
        return self._some(ids, "systemuserid", self._users, directory_rows.user, deadline)

    def teams(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[Team]:
        """All teams, whether people made them or the CRM did."""
        expand = f"{directory_rows.TEAM_ROLES}($select=roleid)"
        path = odata.query("teams", select=directory_rows.TEAM_COLUMNS, expand=expand)
        return self._page(path, directory_rows.team, link, page_size, deadline)

    def memberships(
        self, link: str = "", *, page_size: int = 5000, deadline: Deadline | None = None
    ) -> Page[Membership]:
        """Which users are in which teams."""
        path = odata.query("teammemberships", select=directory_rows.MEMBERSHIP_COLUMNS)
        return self._page(path, directory_rows.membership, link, page_size, deadline)

    def business_units(
        self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None
    ) -> Page[BusinessUnit]:
        """All business units."""
        path = odata.query("businessunits", select=directory_rows.UNIT_COLUMNS)
        return self._page(path, directory_rows.business_unit, link, page_size, deadline)

    def mailboxes(self, link: str = "", *, page_size: int = _PAGE, deadline: Deadline | None = None) -> Page[Mailbox]:
        """All mailboxes, those of queues included."""
        return self._page(self._mailboxes(), directory_rows.mailbox, link, page_size, deadline)

    def mailboxes_by_id(self, ids: Sequence[UUID], *, deadline: Deadline | None = None) -> tuple[Mailbox, ...]:
        """The mailboxes with these ids; unknown ones are absent."""
        return self._some(ids, "mailboxid", self._mailboxes, directory_rows.mailbox, deadline)

    def organization(self, *, deadline: Deadline | None = None) -> Organization:
        """The one organization of this CRM with its settings."""
        path = odata.query("organizations", select=("organizationid", "name", "orgdborgsettings"))
        found = odata.collection(self._transport.get(path, headers=odata.preferences(), deadline=deadline))
        if len(found) != 1:
            raise ProtocolError("The CRM did not name its one organization.", code="shape")
        return directory_rows.organization(found[0])

    def _users(self, condition: str = "") -> str:
        expand = f"{directory_rows.USER_ROLES}($select=roleid)"
        return odata.query("systemusers", select=directory_rows.USER_COLUMNS, filter=condition, expand=expand)

    def _mailboxes(self, condition: str = "") -> str:
        return odata.query("mailboxes", select=directory_rows.MAILBOX_COLUMNS, filter=condition)

    def _some(
        self,
        ids: Sequence[UUID],
        key: str,
        path: Callable[[str], str],
        read: Callable[[odata.Row], Record],
        deadline: Deadline | None,
    ) -> tuple[Record, ...]:
        wanted = sorted(set(ids))
        found: list[Record] = []
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            condition = odata.any_of(key, wanted[start : start + _IDS_AT_ONCE])
            found += self._page(path(condition), read, "", _IDS_AT_ONCE, deadline).rows
        return tuple(found)

    def _page(
        self,
        path: str,
        read: Callable[[odata.Row], Record],
        link: str,
        page_size: int,
        deadline: Deadline | None,
    ) -> Page[Record]:
        headers = odata.preferences(page_size=page_size)
        if link:
            payload = self._transport.follow(link, headers=headers, deadline=deadline)
        else:
            payload = self._transport.get(path, headers=headers, deadline=deadline)
        rows, unreadable = read_all(odata.collection(payload), read)
        return Page(rows, self._transport.checked(odata.link(payload, "@odata.nextLink")), unreadable)
