"""The people of the filter tests, with small changes to their filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from dataverse_sandbox.config import APPLICATION_USER_ID, PEOPLE
from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import DirectoryUser
from syncapp.crm.filters.records import FilterChange, FilterSwitch, OutlookFilter
from tests.crm.contract.cloud import Cloud

OURSELVES = UUID(APPLICATION_USER_ID)
IDS = {person.first_name: UUID(person.user_id) for person in PEOPLE}


class Scene:
    """A sandbox with people, and our client."""

    def __init__(self, cloud: Cloud, crm: CrmClient) -> None:
        self.cloud, self.crm = cloud, crm
        self.since = cloud.last_write()

    def user(self, name: str) -> DirectoryUser:
        (found,) = self.crm.directory.users_by_id([IDS[name]])
        return found

    def filters(self, name: str) -> dict[str, OutlookFilter]:
        """Return a user's filters by table."""
        return {each.table: each for each in self.crm.filters.of(IDS[name])}

    def change(self, table: str, row_id: UUID, **values: Any) -> None:
        """Change a row outside the client under test; `written` leaves this change out."""
        self.cloud.call("PATCH", f"{table}({row_id})", values, **{"If-Match": "*"})
        self.since = self.cloud.last_write()

    def delete(self, table: str, row_id: UUID) -> None:
        self.cloud.call("DELETE", f"{table}({row_id})")
        self.since = self.cloud.last_write()

    def disable(self, name: str) -> None:
        self.change("systemusers", IDS[name], isdisabled=True)

    def take_roles(self, user_id: UUID) -> None:
        for role in self.roles(user_id):
            self.cloud.call("DELETE", f"systemusers({user_id})/systemuserroles_association({role})/$ref")
        self.since = self.cloud.last_write()

    def give_role(self, user_id: UUID, name: str) -> None:
        (role,) = self.cloud.call("GET", f"roles?$select=roleid&$filter=name eq '{name}'")["value"]
        body = {"@odata.id": f"{self.cloud.url}/api/data/v9.2/roles({role['roleid']})"}
        self.cloud.call("POST", f"systemusers({user_id})/systemuserroles_association/$ref", body)
        self.since = self.cloud.last_write()

    def roles(self, user_id: UUID) -> list[str]:
        path = f"systemusers({user_id})?$select=fullname&$expand=systemuserroles_association($select=roleid)"
        return [role["roleid"] for role in self.cloud.call("GET", path)["systemuserroles_association"]]

    def written(self) -> list[dict[str, Any]]:
        return self.cloud.ledger(self.since)

    def states(self) -> list[tuple[str, list[int]]]:
        """Return the rows whose state was written, with the old and new states."""
        return [(entry["id"], entry["changes"]["statecode"]) for entry in self.written()]


def switch_off(*filters: OutlookFilter, any_version: bool = False) -> FilterSwitch:
    changes = tuple(FilterChange(each.id, active=False, etag="" if any_version else each.etag) for each in filters)
    return FilterSwitch(filters[0].owner_id, changes)


def another_version(found: OutlookFilter) -> OutlookFilter:
    return replace(found, etag='W/"1"')
