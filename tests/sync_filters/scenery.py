"""The CRM in filter tests: changes by others, and questions to its tables and its ledger."""

from __future__ import annotations

import uuid
from typing import Any

import requests

from dataverse_sandbox.config import APPLICATION_USER_ID, fixed_id
from syncapp.connection import clients
from syncapp.mirror.filters import inventory
from syncapp.models import FilterUser
from tests.crm.contract.cloud import Cloud

APPOINTMENTS = {"appointment", "serviceappointment", "recurringappointmentmaster"}


class Scenery:
    """Twenty users, their mailboxes and filters."""

    def __init__(self, url: str) -> None:
        self.cloud = Cloud(url)

    def reset(self, **counts: Any) -> None:
        self.cloud.post("reset", **{"users": 20, "contacts": 0, "pending": 0, "seed": 1, "filters": 6, **counts})

    def heal(self) -> None:
        self.cloud.heal()

    def read(self) -> None:
        """Take a complete inventory."""
        assert inventory.take(clients.verified_client())

    def user(self, name: str = "Rita Lindqvist") -> FilterUser:
        return FilterUser.objects.get(name=name)

    def change(self, table: str, row_id: uuid.UUID | str, **values: Any) -> None:
        """Change a row in the CRM."""
        self.cloud.call("PATCH", f"{table}({row_id})", values, **{"If-Match": "*"})

    def change_by_ada(self, table: str, row_id: uuid.UUID | str, **values: Any) -> None:
        """Change a row as Ada, who administers the CRM too."""
        token = self.cloud.post("token", user="Ada Brennan")["access_token"]
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*", "OData-Version": "4.0"}
        url = f"{self.cloud.url}/api/data/v9.2/{table}({row_id})"
        requests.patch(url, json=values, headers=headers, timeout=10).raise_for_status()

    def delete(self, table: str, row_id: uuid.UUID | str) -> None:
        self.cloud.call("DELETE", f"{table}({row_id})")

    def states(self, owner: FilterUser) -> dict[str, int]:
        """Return the state of each of a user's Outlook filters in the CRM."""
        return self.states_of(owner.pk)

    def states_of(self, owner_id: uuid.UUID) -> dict[str, int]:
        """Return the same by the user's id."""
        path = f"userqueries?$select=statecode&$filter=querytype eq 256 and _ownerid_value eq {owner_id}"
        return {row["userqueryid"]: row["statecode"] for row in self.cloud.call("GET", path)["value"]}

    def rows(self, set_name: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cloud.call("GET", f"{set_name}{query}")["value"]
        return found

    def version(self, set_name: str, row_id: uuid.UUID) -> int:
        """Return the CRM's version number of a row."""
        return int(self.cloud.call("GET", f"{set_name}({row_id})?$select=versionnumber")["versionnumber"])

    def allow_impersonation_only(self) -> None:
        """Let the portal's user impersonate others, without permission to see their filters."""
        for name in ("Basic User", "Delegate"):
            (role,) = self.rows("roles", f"?$select=roleid&$filter=name eq '{name}'")
            body = {"@odata.id": f"{self.cloud.url}/api/data/v9.2/roles({role['roleid']})"}
            self.cloud.call("POST", f"systemusers({OURSELVES})/systemuserroles_association/$ref", body)
        administrator = fixed_id("role", "System Administrator")
        self.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({administrator})/$ref")

    def mark(self) -> int:
        """Return the last write so far."""
        return self.cloud.last_write()

    def switched(self, since: int) -> list[tuple[str, list[int]]]:
        """Return the filters whose state changed since, with the states before and after."""
        entries = self.cloud.ledger(since)
        return [
            (entry["id"], entry["changes"]["statecode"])
            for entry in entries
            if entry["table"] == "userquery" and "statecode" in entry["changes"]
        ]


OURSELVES = uuid.UUID(APPLICATION_USER_ID)
