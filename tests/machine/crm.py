"""What other people do in the CRM, and what goes wrong there: the sandbox's switches over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from dataverse_sandbox.config import APPLICATION_USER_ID
from tests.machine.samples import COLUMNS

# Small on purpose: edits of different people meet at the same contact and column.
CONTACTS = 3
EDITORS = ("Jonas Weber", "Rita Lindqvist")

# name ─▶ the fault rule, which acts on the next request that it matches
FAULTS: dict[str, dict[str, object]] = {
    "412": {"method": "PATCH", "status": 412},
    "400 on a contact": {"method": "PATCH", "table": "contact", "status": 400},
    "404 on a staged field": {"method": "PATCH", "table": "osync_syncfield", "status": 404},
    "429": {"status": 429, "retry_after": 2000},
    "429 on a write": {"method": "PATCH", "status": 429, "retry_after": 2000},
    "403 on a read": {"method": "GET", "status": 403},
    "403 on a write": {"method": "PATCH", "status": 403},
    "500": {"status": 500},
    "500 on a write": {"method": "PATCH", "status": 500},
    "cut before a write": {"method": "PATCH", "cut": "before_commit"},
    "cut after a write": {"method": "PATCH", "cut": "after_commit"},
    "cut": {"cut": "before_commit"},
}
WRITE_FAULTS = tuple(name for name, rule in FAULTS.items() if rule.get("method") == "PATCH")


class Sandbox:
    """The CRM as its people use it. A step that is not possible there (a deleted row) changes nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._rules: list[dict[str, object]] = []
        self._refuses_credentials = False
        self._token = ""

    def begin(self) -> dict[str, dict[str, Any]]:
        """A new CRM with a few contacts and no edits; what the contacts hold, by id."""
        self._call("POST", "/sandbox/reset", {"users": 0, "contacts": CONTACTS, "pending": 0, "seed": 1})
        self._rules, self._refuses_credentials = [], False
        self._token = self._call("POST", "/sandbox/token", {"user": APPLICATION_USER_ID})["access_token"]
        found = self._call("GET", f"/api/data/v9.2/contacts?$select=contactid,osync_revision,{','.join(COLUMNS)}")
        names = ("osync_revision", *COLUMNS)
        return {row["contactid"]: {name: row[name] for name in names} for row in found["value"]}

    def edit_in_outlook(self, contact: str, changes: Mapping[str, object], *, by: str) -> None:
        """The plug-in stages it and puts the old values back."""
        self._try("/sandbox/outlook", {"user": by, "contact": contact, "changes": dict(changes)})

    def edit_by_form(self, contact: str, changes: Mapping[str, object]) -> None:
        """With its revision raised, so it is not staged."""
        self._try("/sandbox/form", {"contact": contact, "changes": dict(changes)})

    def decide(self, field_id: str, decision: str) -> None:
        """Somebody decides a staged field in the CRM itself."""
        self._try("/sandbox/decide", {"field": field_id, "decision": decision})

    def delete(self, table: str, row_id: str) -> None:
        """Somebody deletes a row."""
        self._try("/sandbox/delete", {"table": table, "id": row_id})

    def ledger(self, since: int) -> list[dict[str, Any]]:
        """What was committed after `since`."""
        found: list[dict[str, Any]] = self._call("GET", f"/sandbox/ledger?since={since}")
        return found

    def expire_delta_links(self) -> None:
        """Change tracking's links end, as they do after some days."""
        self._call("POST", "/sandbox/expire", {"delta_tokens": True})

    def expire_access_token(self) -> None:
        """Our bearer token ends early."""
        self._call("POST", "/sandbox/expire", {"access_tokens": True})

    def fail(self, name: str, *, times: int) -> None:
        """The next `times` requests that fit fail in this way."""
        self._rules.append({**FAULTS[name], "times": times})
        self._put_faults()

    def refuse_credentials(self) -> None:
        """The client secret ended."""
        self._refuses_credentials = True
        self._put_faults()

    def recover(self) -> None:
        """Everything works again, and the client secret is renewed."""
        self._rules, self._refuses_credentials = [], False
        self._put_faults()

    def _put_faults(self) -> None:
        self._call("PUT", "/sandbox/faults", {"rules": self._rules, "credentials_refused": self._refuses_credentials})

    def _try(self, path: str, body: object) -> None:
        answer = self._session.post(f"{self._url}{path}", json=body, timeout=20)
        assert answer.status_code in (200, 404), answer.text

    def _call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if path.startswith("/api/") else {}
        answer = self._session.request(method, f"{self._url}{path}", json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()
