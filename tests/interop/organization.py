"""The sandbox for client tests: a known start, and the ledger of writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox

# Contacts that the tests of queries look for.
CROWD = (
    {"firstname": "Carl", "lastname": "Berg"},
    {"firstname": "Dora", "lastname": "Dahl"},
    {"firstname": "Emil", "lastname": "Eck"},
)


@dataclass
class Organization(Sandbox):
    """A small sandbox without the staging plug-in, because clients read back what they wrote."""

    since: int = field(default=0)

    @classmethod
    def fresh(cls, server: SandboxServer, *, verify: str | bool = True, contacts: int = 4) -> Organization:
        organization = cls(server)
        organization.session.verify = verify
        organization.start(contacts=contacts)
        return organization

    def start(self, *, contacts: int, **world: int) -> None:
        """Reset the sandbox."""
        self.sign_in()
        self.reset(contacts=contacts, **world)
        self.control("PUT", "plugin", {"enabled": False})

    def writes(self, table: str = "contact") -> list[dict[str, Any]]:
        """Return the ledger's writes to a table, oldest first."""
        return [entry for entry in self.ledger() if entry["table"] == table]

    def methods(self, table: str = "contact") -> list[str]:
        return [str(entry["method"]) for entry in self.writes(table)]

    def crowd(self, marker: str) -> None:
        """Create Carl Berg (of Acme), Dora Dahl and Emil Eck in one department."""
        for row in CROWD:
            assert self.post("contacts", {**row, "department": marker}).status_code == 204
        [carl] = self.rows(f"contacts?$filter=department eq '{marker}' and firstname eq 'Carl'")
        bind = {"parentcustomerid_account@odata.bind": f"/accounts({self.company('Acme')})"}
        assert self.patch(f"contacts({carl['contactid']})", bind).status_code == 204

    def company(self, name: str) -> str:
        return self.post("accounts", {"name": name}).headers["OData-EntityId"][-37:-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.session.close()
