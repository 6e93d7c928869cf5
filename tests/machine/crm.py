"""The sandbox over real HTTP: actions of other people in the CRM, and its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from dataverse_sandbox.config import APPLICATION_USER_ID
from tests.machine.samples import COLUMNS

# Few, so that edits of different people concern the same contact and column.
CONTACTS = 3
EDITORS = ("Jonas Weber", "Rita Lindqvist")

# name ─▶ the fault rule, which acts on the next request that it matches
HTTP_FAULTS: dict[str, dict[str, object]] = {
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
WRITE_FAULTS = tuple(name for name, rule in HTTP_FAULTS.items() if rule.get("method") == "PATCH")


class Sandbox:
    """The CRM as people use it. An impossible step, for example on a deleted row, changes nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._rules: list[dict[str, object]] = []
        self._refuses_credentials = False
        self._token = ""

    def begin(self) -> dict[str, dict[str, Any]]:
        """Reset the CRM to a few contacts without edits; return the contacts' values by id."""
        self._call("POST", "/sandbox/reset", {"users": 0, "contacts": CONTACTS, "pending": 0, "seed": 1})
        self._rules, self._refuses_credentials = [], False
        self._token = self._call("POST", "/sandbox/token", {"user": APPLICATION_USER_ID})["access_token"]
        found = self._call("GET", f"/api/data/v9.2/contacts?$select=contactid,osync_revision,{','.join(COLUMNS)}")
        names = ("osync_revision", *COLUMNS)
        return {row["contactid"]: {name: row[name] for name in names} for row in found["value"]}

    def edit_in_outlook(self, contact: str, changes: Mapping[str, object], *, by: str) -> None:
        """Edit in Outlook: the plug-in stages the changes and restores the old values."""
        self._try("/sandbox/outlook", {"user": by, "contact": contact, "changes": dict(changes)})

    def edit_by_form(self, contact: str, changes: Mapping[str, object]) -> None:
        """Edit by a form of the CRM, which raises the revision, so the changes are not staged."""
        self._try("/sandbox/form", {"contact": contact, "changes": dict(changes)})

    def decide(self, field_id: str, decision: str) -> None:
        """Decide a staged field in the CRM itself."""
        self._try("/sandbox/decide", {"field": field_id, "decision": decision})

    def delete(self, table: str, row_id: str) -> None:
        """Delete a row."""
        self._try("/sandbox/delete", {"table": table, "id": row_id})

    def ledger(self, since: int) -> list[dict[str, Any]]:
        """Return the writes committed after `since`."""
        found: list[dict[str, Any]] = self._call("GET", f"/sandbox/ledger?since={since}")
        return found

    def expire_delta_links(self) -> None:
        """Expire the delta links, as the CRM does after some days."""
        self._call("POST", "/sandbox/expire", {"delta_tokens": True})

    def expire_access_token(self) -> None:
        """Expire our access token early."""
        self._call("POST", "/sandbox/expire", {"access_tokens": True})

    def fail(self, name: str, *, times: int) -> None:
        """Make the next `times` matching requests fail in this way."""
        self._rules.append({**HTTP_FAULTS[name], "times": times})
        self._put_faults()

    def refuse_credentials(self) -> None:
        """Refuse our credentials, as after the client secret expired."""
        self._refuses_credentials = True
        self._put_faults()

    def recover(self) -> None:
        """End all faults and accept our credentials again."""
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
