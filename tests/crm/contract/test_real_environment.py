"""The reading half of the contract against a real environment, when one is named by the environment.

CRM_CONTRACT_ORIGIN, CRM_CONTRACT_AUTHORITY, CRM_CONTRACT_CLIENT_ID and CRM_CONTRACT_CLIENT_SECRET
have to be set; the tests read and never write.
"""

from __future__ import annotations

import os

import pytest

from syncapp.crm.auth import ClientCredentials
from syncapp.crm.client import CrmClient
from syncapp.crm.transport import Transport

_GIVEN = {
    name: os.environ.get(f"CRM_CONTRACT_{name}", "") for name in ("ORIGIN", "AUTHORITY", "CLIENT_ID", "CLIENT_SECRET")
}
pytestmark = pytest.mark.skipif(not all(_GIVEN.values()), reason="no real environment is named")


@pytest.fixture
def real() -> CrmClient:
    tokens = ClientCredentials(
        authority=_GIVEN["AUTHORITY"],
        client_id=_GIVEN["CLIENT_ID"],
        client_secret=_GIVEN["CLIENT_SECRET"],
        scope=f"{_GIVEN['ORIGIN']}/.default",
    )
    transport = Transport(origin=_GIVEN["ORIGIN"], token_source=tokens)
    return CrmClient(transport=transport, writes_allowed=lambda: False)


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
