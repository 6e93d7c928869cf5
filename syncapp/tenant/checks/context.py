"""The context that the checks share: the client, and answers that are requested only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast
from uuid import UUID

from syncapp.crm.client import CrmClient
from syncapp.crm.contact_changes import ContactChange
from syncapp.crm.directory.account import Account, HeldPrivilege
from syncapp.crm.directory.records import DirectoryUser
from syncapp.crm.errors import CrmError
from syncapp.crm.metadata.tables import TableDefinition
from syncapp.crm.names import Names
from syncapp.crm.rate_limit.limiter import Lane
from syncapp.crm.round_trip import RoundTrip
from syncapp.crm.staging.records import Column
from syncapp.models import Person

Found = TypeVar("Found")

# A probe needs someone who can sign in and has filters; only the first few people are tried.
_MAX_PEOPLE = 200
_MAX_CHANGES = 20


class Context:
    """One run of the checks. A request that failed raises the same error in every check that needs its answer."""

    def __init__(
        self,
        crm: CrmClient,
        names: Names,
        *,
        probes_writes: bool = False,
        contact_id: UUID | None = None,
        patience: float = 60.0,
        checked_by: Person | None = None,
    ) -> None:
        """Begin a run with its own client, which counts the run's requests.

        `contact_id` is a test contact for writing probes, `patience` the longest wait for a change, in seconds.
        `checked_by` is the person who requested the check, None on the command line.
        """
        self.crm = crm.in_lane(Lane.BULK)
        self.patience = patience
        self.names = names
        self.probes_writes = probes_writes
        self.contact_id = contact_id
        self.checked_by = checked_by
        self._results: dict[object, object] = {}

    def once(self, key: object, read: Callable[[], Found]) -> Found:
        """Return the result of `read`, called once in a run. Raises CrmError, the same one each time."""
        if key not in self._results:
            try:
                self._results[key] = read()
            except CrmError as error:
                self._results[key] = error
        found = self._results[key]
        if isinstance(found, CrmError):
            raise found
        return cast("Found", found)

    def round_trip(self) -> RoundTrip:
        """Return the durations of a sign-in and a call, and what the answer says."""
        return self.once("round trip", self.crm.round_trip)

    def account(self) -> Account:
        """Return our own user."""
        return self.once("account", lambda: self.crm.accounts.account(self.round_trip().identity.user_id))

    def held_privileges(self) -> tuple[HeldPrivilege, ...]:
        """Return the privileges we hold, as the CRM spells them."""
        return self.once("privileges", lambda: self.crm.accounts.privileges(self.round_trip().identity.user_id))

    def held(self) -> Mapping[str, str]:
        """Return the depth of each privilege we hold, by its name in lower case."""
        return {privilege.name.lower(): privilege.depth for privilege in self.held_privileges()}

    def table(self, name: str) -> TableDefinition:
        """Return a table's definition. Raises NotFound if there is none."""
        return self.once(("table", name), lambda: self.crm.metadata.table(name))

    def columns(self, table: str) -> Mapping[str, Column]:
        """Return a table's columns by name."""
        return self.once(("columns", table), lambda: {each.name: each for each in self.crm.columns(table)})

    def users_named(self, name: str) -> tuple[UUID, ...]:
        """Return the ids of the users with this full name."""
        return self.once(("user", name), lambda: self.crm.accounts.ids_by_name(name))

    def latest_changes(self) -> tuple[ContactChange, ...]:
        """Return the latest changes to contacts, newest first."""
        return self.once("changes", lambda: self.crm.contact_changes.latest(limit=_MAX_CHANGES))

    def people(self) -> tuple[DirectoryUser, ...]:
        """Return some users who can work in the CRM and have a mailbox."""

        def read() -> tuple[DirectoryUser, ...]:
            page = self.crm.directory.users(page_size=_MAX_PEOPLE)
            return tuple(
                user
                for user in page.rows
                if not user.disabled and user.has_own_roles and user.mailbox_id and not user.is_application
            )

        return self.once("people", read)
