"""Edits in Outlook and their decisions, judged by the CRM's ledger and by the portal's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests

from dataverse_sandbox.config import APPLICATION_USER_ID
from tests.deployment.host import Host
from tests.deployment.visitor import Visitor
from tests.support.servers import wait_until

RITA = "Rita Lindqvist"
EDITOR = "Jonas Weber"
_FIELD = """SELECT f.record_id::text FROM syncapp_syncfield AS f JOIN syncapp_syncrecord AS r ON r.id = f.record_id
            WHERE r.target_id = %s AND f.proposed_value = %s AND NOT r.is_stub"""
_STATES = "SELECT state FROM syncapp_decision WHERE target_id = %s ORDER BY decided_at"


class Story:
    """Steps of people at the CRM and at a host."""

    def __init__(self, host: Host, crm: str) -> None:
        self.host, self._crm = host, crm
        self._session = requests.Session()
        self._session.trust_env, self._session.verify = False, str(host.authorities)
        self._unused = iter(self._contacts())

    def _contacts(self) -> list[str]:
        """Return contacts without a staged edit."""
        token = self._call("POST", "sandbox/token", json={"user": EDITOR})["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        staged, every = (
            {row[column] for row in self._call("GET", f"api/data/v9.2/{path}", headers=headers)["value"]}
            for path, column in (
                ("osync_syncrecords?$select=osync_targetid", "osync_targetid"),
                ("contacts?$select=contactid", "contactid"),
            )
        )
        return sorted(every - staged)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._session.request(method, f"{self._crm}/{path}", timeout=60, **options)
        answer.raise_for_status()
        return answer.json()

    def edit(self, count: int) -> list[str]:
        """Change contacts in Outlook; return their ids once the portal shows the edits."""
        contacts = [next(self._unused) for _ in range(count)]
        for contact in contacts:
            change = {"user": EDITOR, "contact": contact, "changes": {"jobtitle": title(contact)}}
            self._call("POST", "sandbox/outlook", json=change)
        wait_until(lambda: all(map(self.record, contacts)), seconds=90, what="the edits are shown")
        return contacts

    def record(self, contact: str) -> str:
        """Return the edit of this contact, '' while the portal does not show it."""
        return next((str(row) for (row,) in self.host.rows(_FIELD, contact, title(contact))), "")

    def approve(self, visitor: Visitor, contact: str) -> None:
        """Approve the edit of this contact on its page."""
        visitor.approve(self.record(contact))

    def written(self, contact: str) -> list[Any]:
        """Return the values that the portal wrote to this contact."""
        lines = self._call("GET", "sandbox/ledger")
        ours = [line for line in lines if line["id"] == contact and line["caller"] == APPLICATION_USER_ID]
        return [line["changes"]["jobtitle"][1] for line in ours if "jobtitle" in line["changes"]]

    def wait_until_written(self, contacts: Sequence[str]) -> None:
        """Wait until the CRM has these edits and the portal's decisions are finished."""

        def is_written() -> bool:
            return all(self.written(each) and self.states(each)[-1] == "written" for each in contacts)

        wait_until(is_written, seconds=90, what=f"{len(contacts)} edits are in the CRM")

    def states(self, contact: str) -> list[str]:
        """Return the states of this contact's decisions, the oldest first."""
        return [state for (state,) in self.host.rows(_STATES, contact)]


def title(contact: str) -> str:
    """Return the job title that a contact gets in Outlook."""
    return f"Keeper of {contact[:8]}"
