"""The contract against a real environment, when one is named; otherwise the same tests run against the sandbox.

CRM_CONTRACT_ORIGIN, CRM_CONTRACT_AUTHORITY, CRM_CONTRACT_CLIENT_ID and CRM_CONTRACT_CLIENT_SECRET name it; then the
tests read. CRM_CONTRACT_FILTER_OWNER is the systemuserid of a test user who has an Outlook filter: one of his filters
is switched, read back, and put back as it was. With CRM_CONTRACT_WRITES=yes a contact and a staged edit of it are
made, decided, and deleted. What is left behind must be nothing; at the sandbox the ledger proves it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from syncapp.crm import access
from syncapp.crm.auth import ClientCredentials
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import Stale
from syncapp.crm.filters_records import FilterChange, OutlookFilter, Switch
from syncapp.crm.governor import Lane, Limits
from syncapp.crm.local_governor import LocalGovernor
from syncapp.crm.records import ChangeSet, ContactWrite, RecordClose
from syncapp.crm.tokens import TokenSource
from syncapp.crm.transport import Transport
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.edit import mark
from tests.crm.contract.scene import IDS

_GIVEN = {
    name: os.environ.get(f"CRM_CONTRACT_{name}", "") for name in ("ORIGIN", "AUTHORITY", "CLIENT_ID", "CLIENT_SECRET")
}
IS_REAL = all(_GIVEN.values())
_OWNER = os.environ.get("CRM_CONTRACT_FILTER_OWNER", "") if IS_REAL else str(IDS["Rita"])
_MAY_WRITE = os.environ.get("CRM_CONTRACT_WRITES") == "yes" or not IS_REAL
needs_owner = pytest.mark.skipif(not _OWNER, reason="no test user is named")
needs_writes = pytest.mark.skipif(not _MAY_WRITE, reason="writing is not allowed")


@dataclass
class Environment:
    """Where the tests run."""

    origin: str
    tokens: TokenSource

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        """The id of the row that it made, or ''."""
        headers = {"Authorization": f"Bearer {self.tokens.token()}", "OData-Version": "4.0", "If-None-Match": "null"}
        url = f"{self.origin}/api/data/v9.2/{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.headers.get("OData-EntityId", "").rpartition("(")[2].rstrip(")")


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    if IS_REAL:
        scope = f"{_GIVEN['ORIGIN']}/.default"
        named = {name.lower(): _GIVEN[name] for name in ("AUTHORITY", "CLIENT_ID", "CLIENT_SECRET")}
        yield Environment(_GIVEN["ORIGIN"], ClientCredentials(scope=scope, **named))
        return
    cloud: Cloud = request.getfixturevalue("cloud")
    cloud.call("PATCH", f"contacts({cloud.contacts()[0]})", {"jobtitle": "Staged, so that there are pages"})
    since = cloud.last_write()
    yield Environment(cloud.url, cloud.signed_in)
    assert traces(cloud.ledger(since)) == {}


def traces(ledger: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """The rows that are there and were not, are gone and were there, or hold another state."""
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


@pytest.fixture
def real(environment: Environment) -> CrmClient:
    governor = LocalGovernor(Limits())
    transport = Transport(origin=environment.origin, token_source=environment.tokens, governor=governor, lane=Lane.BULK)
    return CrmClient(transport=transport, writes_allowed=lambda: _MAY_WRITE, filter_writes_allowed=lambda: bool(_OWNER))


def test_it_knows_us(real):
    identity = real.who_am_i()

    (user,) = real.users([identity.user_id])
    assert user.id == identity.user_id


def test_it_describes_contacts(real):
    columns = {column.name: column for column in real.columns("contact")}

    assert columns["telephone1"].max_length
    assert columns["preferredcontactmethodcode"].options
    assert set(columns["parentcustomerid"].targets) == {"account", "contact"}


@pytest.mark.parametrize("read", ["staged_fields", "staged_records"])
def test_it_tracks_changes_of_the_staging_tables(real, read):
    page = getattr(real, read)(page_size=5)
    while page.next_link:
        page = getattr(real, read)(page.next_link, page_size=5)

    assert getattr(real, read)(page.delta_link).delta_link


@pytest.mark.parametrize("read", ["users", "teams", "memberships", "business_units", "mailboxes"])
def test_it_lists_who_there_is(real, read):
    page = getattr(real.directory, read)(page_size=5)

    assert page.rows
    if page.next_link:
        assert getattr(real.directory, read)(page.next_link, page_size=5).rows != page.rows


def test_it_says_which_organization_it_is_and_how_it_deletes(real):
    organization = real.directory.organization()

    assert organization.id == real.who_am_i().organization_id
    assert organization.keeps_deletes_apart is not None


def test_it_names_the_filters_of_everybody(real):
    assert {each.query_type for each in real.filters.system_filters()} <= {16, 256, 8192, 131072}


def test_it_describes_the_table_of_filters(real):
    assert real.table_facts("userquery").set_name == "userqueries"


@pytest.fixture
def his_filter(real) -> Iterator[OutlookFilter]:
    """A filter of the test user, put back afterwards as it was."""
    found = real.filters.of(UUID(_OWNER))[0]
    yield found
    back = FilterChange(found.id, active=found.is_on, status=found.status)
    (result,) = real.filters.switch([Switch(found.owner_id, (back,))])
    assert result.proved


@needs_owner
def test_it_shows_and_switches_somebodys_filter(real, his_filter):
    keeps_versions = real.table_facts("userquery").keeps_versions
    change = FilterChange(his_filter.id, active=not his_filter.is_on, etag=his_filter.etag if keeps_versions else "")

    (result,) = real.filters.switch([Switch(his_filter.owner_id, (change,))])

    assert result.proved


@needs_owner
def test_it_tells_which_way_to_filters_works(real, his_filter):
    (owner,) = real.directory.some_users([his_filter.owner_id])

    probe = access.probe_reading(real, owner.acting)

    assert probe.direct_works or probe.acting_works


@needs_owner
def test_it_counts_what_a_filter_selects_for_its_owner(real, his_filter):
    (owner,) = real.directory.some_users([his_filter.owner_id])

    (counted,) = real.evaluation.counts([his_filter], acting_for=owner.acting)

    assert counted.number >= 0


@pytest.fixture
def his_edit(environment: Environment) -> Iterator[tuple[UUID, UUID]]:
    """A contact and a staged edit of it, which are gone afterwards; their ids."""
    made: list[str] = []
    try:
        contact = environment.call("POST", "contacts", {"lastname": "Contract test", "osync_revision": 1})
        made.append(f"contacts({contact})")
        staged = {"osync_name": "Contract test", "osync_targettable": "contact", "osync_targetid": contact}
        staged |= {"osync_operationid": str(uuid4()), "osync_contact@odata.bind": f"/contacts({contact})"}
        record = environment.call("POST", "osync_syncrecords", staged)
        made.append(f"osync_syncrecords({record})")
        field = {"osync_name": "jobtitle", "osync_proposedvalue": "Pilot"}
        field["osync_syncrecord@odata.bind"] = f"/osync_syncrecords({record})"
        made.append(f"osync_syncfields({environment.call('POST', 'osync_syncfields', field)})")
        yield UUID(contact), UUID(record)
    finally:
        for row in reversed(made):
            environment.call("DELETE", row)


@needs_writes
def test_it_carries_out_a_change_set_once(real, his_edit):
    contact_id, record_id = his_edit
    jobtitle = next(column for column in real.columns("contact") if column.name == "jobtitle")
    wanted = {"table": "contact", "contact_id": contact_id, "columns": [jobtitle], "record_ids": [record_id]}
    view = real.view_for_delivery(**wanted)
    (field,) = view.fields.values()
    change_set = ChangeSet(
        contact=ContactWrite(contact_id, view.contact.etag, 2, ((jobtitle, "Pilot"),)),
        marks=(mark(field),),
        closes=(RecordClose(record_id, view.records[record_id].etag),),
    )

    real.apply(change_set, tag="osync-portal")

    now = real.view_for_delivery(**wanted)
    assert [found.decision_id for found in now.fields.values()] == ["decision-1"]
    assert now.contact.revision == 2
    with pytest.raises(Stale):
        real.apply(change_set, tag="osync-portal")


def test_what_is_left_behind_is_named() -> None:
    left = [
        {"table": "contact", "id": "1", "method": "POST", "changes": {}},
        {"table": "contact", "id": "2", "method": "DELETE", "changes": {}},
        {"table": "userquery", "id": "3", "method": "PATCH", "changes": {"statecode": [0, 1]}},
        {"table": "userquery", "id": "4", "method": "PATCH", "changes": {"statecode": [0, 1]}},
        {"table": "userquery", "id": "4", "method": "PATCH", "changes": {"statecode": [1, 0]}},
    ]

    assert traces(left) == {("contact", "1"): "made", ("contact", "2"): "deleted", ("userquery", "3"): "switched"}
