"""The contract against a real environment, when one is named by the environment.

CRM_CONTRACT_ORIGIN, CRM_CONTRACT_AUTHORITY, CRM_CONTRACT_CLIENT_ID and CRM_CONTRACT_CLIENT_SECRET
have to be set; then the tests read. CRM_CONTRACT_FILTER_OWNER is the systemuserid of a test user who has
an Outlook filter: one of his filters is switched off, read back, and put back as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

import pytest

from syncapp.crm import access
from syncapp.crm.auth import ClientCredentials
from syncapp.crm.client import CrmClient
from syncapp.crm.filters_records import FilterChange, OutlookFilter, Switch
from syncapp.crm.governor import Lane, Limits
from syncapp.crm.local_governor import LocalGovernor
from syncapp.crm.transport import Transport

_GIVEN = {
    name: os.environ.get(f"CRM_CONTRACT_{name}", "") for name in ("ORIGIN", "AUTHORITY", "CLIENT_ID", "CLIENT_SECRET")
}
_OWNER = os.environ.get("CRM_CONTRACT_FILTER_OWNER", "")
needs_owner = pytest.mark.skipif(not _OWNER, reason="no test user is named")
pytestmark = pytest.mark.skipif(not all(_GIVEN.values()), reason="no real environment is named")


@pytest.fixture
def real() -> CrmClient:
    tokens = ClientCredentials(
        authority=_GIVEN["AUTHORITY"],
        client_id=_GIVEN["CLIENT_ID"],
        client_secret=_GIVEN["CLIENT_SECRET"],
        scope=f"{_GIVEN['ORIGIN']}/.default",
    )
    governor = LocalGovernor(Limits())
    transport = Transport(origin=_GIVEN["ORIGIN"], token_source=tokens, governor=governor, lane=Lane.BULK)
    return CrmClient(transport=transport, writes_allowed=lambda: False, filter_writes_allowed=lambda: bool(_OWNER))


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
