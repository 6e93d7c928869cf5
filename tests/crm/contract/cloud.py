"""The sandbox in the role of the CRM's cloud service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import requests

from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import Column
from tests.crm.local_server import RecordingTransport

# A window of 300 seconds lasts one second.
FASTER = 300
PUBLISHED = {"requests": 40, "execution_seconds": 20.0, "operation_ms": 40.0}


@dataclass
class Cloud:
    """A running sandbox: makes changes as other people, causes faults, reads the ledger, and creates clients."""

    url: str
    columns: dict[str, Column] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        return f"{self.url.replace('http://', 'https://')}/{TENANT}"

    def post(self, path: str, **body: Any) -> Any:
        return self._answered("POST", path, body)

    def put(self, path: str, **body: Any) -> Any:
        return self._answered("PUT", path, body)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """Send a request to the Web API as our own user."""
        answer = self.try_to(method, path, body, **headers)
        assert answer.ok, answer.text
        return answer.json() if answer.content else {}

    def try_to(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> requests.Response:
        """Send a request and return the answer, whatever its status."""
        answer = self._called(method, path, body, headers)
        if answer.status_code == 401:  # an earlier test let all tokens expire
            self.signed_in.forget()
            answer = self._called(method, path, body, headers)
        return answer

    def _called(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> requests.Response:
        named = {"Authorization": f"Bearer {self.signed_in.token()}", "OData-Version": "4.0", **headers}
        return self._session.request(method, f"{self.url}/api/data/v9.2/{path}", json=body, headers=named, timeout=10)

    def _answered(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.request(method, f"{self.url}/sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session

    @cached_property
    def signed_in(self) -> ClientCredentials:
        """Return credentials that already have a token, for tests that are not about tokens."""
        return self.credentials()

    def fail(self, *rules: dict[str, Any], **state: Any) -> None:
        self._answered("PUT", "faults", {"rules": list(rules), **state})

    def heal(self) -> None:
        self._answered("DELETE", "faults", {})

    def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        return self._answered("GET", f"ledger?since={since}", {})

    def last_write(self) -> int:
        return max((entry["seq"] for entry in self.ledger()), default=0)

    def edit(self, contact: UUID, **changes: object) -> dict[str, Any]:
        """Edit the contact in Outlook: the change is staged, and the contact keeps its values."""
        return self.post("outlook", contact=str(contact), changes=changes)

    def change(self, contact: UUID, **changes: object) -> dict[str, Any]:
        """Edit the contact in a form of the CRM."""
        return self.post("form", contact=str(contact), changes=changes)

    def delete(self, row_id: UUID, table: str = "contact") -> None:
        self.post("delete", table=table, id=str(row_id))

    def credentials(self, secret: str = CLIENT_SECRET) -> ClientCredentials:
        return ClientCredentials(
            authority=self.authority,
            client_id=CLIENT_ID,
            credentials=[secret],
            scope=f"{self.url}/.default",
            session=demo_session(self.authority),
        )

    def transport(self, **options: Any) -> RecordingTransport:
        return RecordingTransport(**{"origin": self.url, "token_source": self.signed_in, **options})

    def client(
        self, *, writes_allowed: bool = True, belongs_to: Callable[[UUID], bool] | None = None, **options: Any
    ) -> CrmClient:
        transport = self.transport(**options)
        return CrmClient(transport=transport, writes_allowed=lambda: writes_allowed, belongs_to=belongs_to)

    def contacts(self) -> list[UUID]:
        """Return the ids of all contacts, sorted."""
        page = self.transport().get("contacts?$select=fullname")
        return sorted(UUID(row["contactid"]) for row in page["value"])
