"""The environment that the CRM_CONTRACT_* variables name, or else the sandbox, and its cleanup.

Created rows are marked, so that the next run can clean up after one that was killed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from syncapp.crm.auth.sign_in import ClientCredentials
from syncapp.crm.auth.tokens import TokenSource
from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.filters.records import FilterChange, FilterSwitch, OutlookFilter
from syncapp.crm.sessions import new_session
from tests.crm.contract.calls import FILTER, LONG_AGO, TOMORROW

_GIVEN = {
    name: os.environ.get(f"CRM_CONTRACT_{name}", "") for name in ("ORIGIN", "AUTHORITY", "CLIENT_ID", "CLIENT_SECRET")
}
IS_REAL = all(_GIVEN.values())
OWNER = os.environ.get("CRM_CONTRACT_FILTER_OWNER", "") if IS_REAL else ""
MAY_WRITE = os.environ.get("CRM_CONTRACT_WRITES") == "yes" or not IS_REAL
LAST_NAME = "Contract test (outlook-sync-portal)"
OPERATION = "contract-test-"
_secrets = {_GIVEN["CLIENT_SECRET"]}


def without_secrets(text: str) -> str:
    """Return the text without the client secret and tokens."""
    for secret in filter(None, _secrets):
        text = text.replace(secret, "(secret)")
    return re.sub(r"Bearer [A-Za-z0-9._~+/=-]{8,}", "Bearer (token)", text)


class RecordingTokenSource(ClientCredentials):
    """A token source that records its tokens, so that reports can leave them out."""

    def token(self) -> str:
        token = super().token()
        _secrets.add(token)
        return token


def configured() -> Environment:
    """Return the configured environment."""
    tokens = RecordingTokenSource(
        authority=_GIVEN["AUTHORITY"],
        client_id=_GIVEN["CLIENT_ID"],
        credentials=[_GIVEN["CLIENT_SECRET"]],
        scope=f"{_GIVEN['ORIGIN']}/.default",
    )
    return Environment(_GIVEN["ORIGIN"], tokens)


@dataclass
class Environment:
    """The environment under test; tests use only features that every Dataverse has."""

    origin: str
    tokens: TokenSource
    session: requests.Session = field(default_factory=new_session)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens.token()}", "OData-Version": "4.0", "If-None-Match": "null"}
        url = f"{self.origin}/api/data/v9.2/{path}"
        answer = self.session.request(method, url, json=body, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def make(self, set_name: str, body: dict[str, Any]) -> UUID:
        answer = self.call("POST", set_name, body)
        return UUID(answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")"))

    def ids(self, set_name: str, key: str, condition: str) -> list[str]:
        found = self.call("GET", f"{set_name}?$select={key}&$filter={condition}").json()["value"]
        return [row[key] for row in found]

    def stage(self) -> tuple[UUID, UUID]:
        """Create a marked contact with a staged edit, and return their ids."""
        contact = self.make("contacts", {"lastname": LAST_NAME, "osync_revision": 1})
        staged = {"osync_name": LAST_NAME, "osync_targettable": "contact", "osync_targetid": str(contact)}
        staged |= {"osync_operationid": f"{OPERATION}{uuid4()}", "osync_contact@odata.bind": f"/contacts({contact})"}
        record = self.make("osync_syncrecords", staged)
        field_row: dict[str, Any] = {"osync_name": "jobtitle", "osync_proposedvalue": "Pilot"}
        field_row |= {"osync_decision": 410000000, "osync_syncrecord@odata.bind": f"/osync_syncrecords({record})"}
        self.make("osync_syncfields", field_row)
        return contact, record

    def clean_up(self) -> None:
        """Delete all marked rows, also those of earlier runs."""
        for record in self.ids(
            "osync_syncrecords", "osync_syncrecordid", f"startswith(osync_operationid,'{OPERATION}')"
        ):
            for each in self.ids("osync_syncfields", "osync_syncfieldid", f"_osync_syncrecord_value eq {record}"):
                self.call("DELETE", f"osync_syncfields({each})")
            self.call("DELETE", f"osync_syncrecords({record})")
        for contact in self.ids("contacts", "contactid", f"lastname eq '{LAST_NAME}'"):
            self.call("DELETE", f"contacts({contact})")


class InMemoryNotes(dict[str, Any]):
    """Notes in memory, for tests whose changes no later run has to undo."""

    set = dict.__setitem__


Notes = pytest.Cache | InMemoryNotes


def store_state(found: OutlookFilter, notes: Notes) -> None:
    """Store a filter's state for the next run, in case this one is killed."""
    state = {"owner": str(found.owner_id), "filter": str(found.id), "active": found.is_on, "status": found.status}
    notes.set(_NOTE, state)


def restore_state(real: CrmClient, notes: Notes, owner: str) -> None:
    """Restore the stored state of the filter, if there is one."""
    note: dict[str, Any] | None = notes.get(_NOTE, None)
    if note and note["owner"] == owner:
        back = FilterChange(UUID(note["filter"]), active=note["active"], status=note["status"])
        (result,) = real.filters.switch([FilterSwitch(UUID(owner), (back,))])
        assert result.proved, result.error
    notes.set(_NOTE, None)


_NOTE = "crm_contract/switched"


def remaining_changes(ledger: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the rows that were created or deleted, or whose state differs from before."""
    steps = {"POST": 1, "DELETE": -1}
    kept: Counter[tuple[str, str]] = Counter()
    states: dict[tuple[str, str], list[Any]] = {}
    for entry in ledger:
        row = (entry["table"], entry["id"])
        kept[row] += steps.get(entry["method"], 0)
        if entry["method"] == "PATCH" and "statecode" in entry["changes"]:
            states.setdefault(row, []).extend(entry["changes"]["statecode"])
    made_here = {(entry["table"], entry["id"]) for entry in ledger if entry["method"] == "POST"}
    found = {row: "made" if number > 0 else "deleted" for row, number in kept.items() if number}
    changed = (row for row, seen in states.items() if row not in made_here and seen[0] != seen[-1])
    return found | dict.fromkeys(changed, "switched")


def _audit_entries(real: CrmClient) -> list[UUID]:
    """Return the ids of a few audit entries; there are none if nothing is audited."""
    return [entry.id for entry in real.audits.entries("contact", since=LONG_AGO, page_size=3).rows[:3]]


# Every read of the client that has no test of its own, with our own user as the argument.
READS: dict[str, Callable[[CrmClient, UUID], object]] = {
    "verify_organization": lambda real, us: CrmClient(
        transport=real._transport, belongs_to=lambda _: True
    ).verify_organization(),
    "companies": lambda real, us: real.companies([us]),
    "live_contacts": lambda real, us: real.live_contacts({us: []}),
    "read_for_delivery": lambda real, us: real.read_for_delivery(
        table="contact", contact_id=us, columns=[], record_ids=[us]
    ),
    "read_for_staging": lambda real, us: real.read_for_staging(
        table="contact", contact_id=us, columns=[], operation_ids=[us]
    ),
    "directory.users_by_id": lambda real, us: real.directory.users_by_id([us]),
    "directory.mailboxes_by_id": lambda real, us: real.directory.mailboxes_by_id([us]),
    "filters.of": lambda real, us: real.filters.of(us),
    "filters.of_owners": lambda real, us: real.filters.of_owners([us]),
    "evaluation.counts": lambda real, us: real.evaluation.counts([FILTER], acting_for=ActingFor(us)),
    "evaluation.rows": lambda real, us: real.evaluation.rows(FILTER, acting_for=ActingFor(us), limit=5),
    "evaluation.organized_meetings": lambda real, us: real.evaluation.organized_meetings(
        [us], table="appointment", after=TOMORROW
    ),
    "round_trip": lambda real, us: real.round_trip(),
    "accounts.account": lambda real, us: real.accounts.account(us),
    "accounts.ids_by_name": lambda real, us: real.accounts.ids_by_name("# SSSAdminProd"),
    "accounts.privileges": lambda real, us: real.accounts.privileges(us),
    "accounts.version": lambda real, us: real.accounts.version(),
    "metadata.table": lambda real, us: real.metadata.table("contact"),
    "metadata.keys": lambda real, us: real.metadata.keys("osync_syncrecord"),
    "metadata.auditing": lambda real, us: real.metadata.auditing("contact"),
    "metadata.secured": lambda real, us: real.metadata.secured("contact"),
    "audits.settings": lambda real, us: real.audits.settings(),
    "audits.entries": lambda real, us: real.audits.entries("contact", since=LONG_AGO, page_size=5),
    "audits.details": lambda real, us: [real.audits.details(entry) for entry in _audit_entries(real)],
    "audits.details_of": lambda real, us: real.audits.details_of(_audit_entries(real) or [us]),
    "contact_changes.latest": lambda real, us: real.contact_changes.latest(limit=5),
    "contact_changes.tracked": lambda real, us: real.contact_changes.tracked(page_size=5),
    "contact_changes.count_signed": lambda real, us: real.contact_changes.count_signed(us, since=LONG_AGO),
    "directions.of": lambda real, us: real.directions.of(us),
    "directions.stored": lambda real, us: [real.directions.stored(each.id) for each in real.directions.of(us)[:1]],
    "lookups.search": lambda real, us: real.lookups.search("account", "a", limit=2),
}
