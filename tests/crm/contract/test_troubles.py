"""Every error of the tree as the CRM and its sign-in service cause it, over the real line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncapp.crm import errors
from syncapp.crm.client import CrmClient
from syncapp.crm.directory_records import ActingFor
from syncapp.crm.filters_records import QueryType, SystemFilter
from syncapp.sandbox.config import EMPTY_WORLD
from syncapp.sandbox.server import SandboxServer
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import OURSELVES

ACTING = ActingFor(OURSELVES)
FILTER = SystemFilter(
    id=OURSELVES,
    name="",
    table="contact",
    query_type=QueryType.OUTLOOK_FILTER,
    fetch_xml='<fetch><entity name="contact"/></fetch>',
    is_default=False,
    state=0,
)
TOMORROW = datetime(2030, 1, 1, tzinfo=UTC)
FILTER_READS = {
    "users": lambda crm, contact: crm.directory.users(),
    "some_users": lambda crm, contact: crm.directory.some_users([contact]),
    "teams": lambda crm, contact: crm.directory.teams(),
    "memberships": lambda crm, contact: crm.directory.memberships(),
    "business_units": lambda crm, contact: crm.directory.business_units(),
    "mailboxes": lambda crm, contact: crm.directory.mailboxes(),
    "some_mailboxes": lambda crm, contact: crm.directory.some_mailboxes([contact]),
    "organization": lambda crm, contact: crm.directory.organization(),
    "table_facts": lambda crm, contact: crm.table_facts("userquery"),
    "filters_of": lambda crm, contact: crm.filters.of(OURSELVES),
    "filters_in_his_name": lambda crm, contact: crm.filters.of(OURSELVES, acting_for=ACTING),
    "filters_of_many": lambda crm, contact: crm.filters.of_many([OURSELVES]),
    "system_filters": lambda crm, contact: crm.filters.system_filters(),
    "counts": lambda crm, contact: crm.evaluation.counts([FILTER], acting_for=ACTING),
    "rows": lambda crm, contact: crm.evaluation.rows(FILTER, acting_for=ACTING),
    "meetings": lambda crm, contact: crm.evaluation.organized_meetings(
        [OURSELVES], table="appointment", after=TOMORROW
    ),
}
READS = [
    *FILTER_READS.values(),
    lambda crm, contact: crm.who_am_i(),
    lambda crm, contact: crm.columns("contact"),
    lambda crm, contact: crm.staged_fields(),
    lambda crm, contact: crm.staged_records(),
    lambda crm, contact: crm.users([contact]),
    lambda crm, contact: crm.contacts_now({contact: []}),
    lambda crm, contact: crm.view_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[contact]),
]
READ_NAMES = [
    *FILTER_READS,
    "who_am_i",
    "columns",
    "staged_fields",
    "staged_records",
    "users",
    "contacts_now",
    "view_for_delivery",
]
every_read = pytest.mark.parametrize("read", READS, ids=READ_NAMES)


@every_read
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Rejected),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (412, errors.Stale),
        (429, errors.Throttled),
        (500, errors.ServerFault),
        (501, errors.ServerFault),
    ],
)
def test_every_read_says_what_went_wrong(cloud, crm, read, status, kind):
    contact = cloud.contacts()[0]
    # A rule that names no table meets the request itself, also that of a batch.
    cloud.fail({"status": status})

    with pytest.raises(kind) as caught:
        read(crm, contact)

    assert caught.value.status == status
    assert not caught.value.may_have_applied


@every_read
def test_every_read_survives_a_passing_fault(cloud, crm, read):
    contact = cloud.contacts()[0]
    cloud.fail({"status": 503, "times": 1})

    read(crm, contact)


@every_read
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_every_read_survives_a_cut_line(cloud, crm, read, moment):
    contact = cloud.contacts()[0]
    cloud.fail({"cut": moment, "times": 1})

    read(crm, contact)


@every_read
def test_every_read_gives_up_on_a_line_that_stays_cut(cloud, crm, read):
    contact = cloud.contacts()[0]
    cloud.fail({"cut": "before_commit"})

    with pytest.raises(errors.Unreachable) as caught:
        read(crm, contact)

    assert caught.value.transient
    assert not caught.value.may_have_applied


def test_throttling_carries_the_wait(cloud, crm):
    cloud.fail({"status": 429, "retry_after": 120})

    with pytest.raises(errors.Throttled) as caught:
        crm.who_am_i()

    assert (caught.value.retry_after, caught.value.code) == (120.0, "0x80072322")


def test_a_short_wait_is_waited_for(cloud):
    transport = cloud.transport()
    cloud.fail({"status": 429, "retry_after": 4, "times": 2})

    CrmClient(transport=transport).who_am_i()

    assert transport.pauses == [4.0, 4.0]


def test_an_expired_token_is_renewed_once_and_unseen(cloud, crm):
    before = crm.who_am_i()
    cloud.post("expire", access_tokens=True)

    assert crm.who_am_i() == before


def test_a_token_that_is_refused_anew_refuses_our_credentials(cloud):
    crm = cloud.client()
    crm.who_am_i()
    cloud.fail({"status": 401})

    with pytest.raises(errors.CredentialsRefused) as caught:
        crm.who_am_i()

    assert caught.value.status == 401


def test_a_wrong_secret_is_refused_credentials(cloud):
    crm = cloud.client(token_source=cloud.credentials("wrong"))

    with pytest.raises(errors.CredentialsRefused) as caught:
        crm.who_am_i()

    assert caught.value.code == "invalid_client"
    assert not caught.value.transient


def test_credentials_that_are_accepted_again_work_again(cloud):
    crm = cloud.client()
    cloud.fail(credentials_refused=True)
    with pytest.raises(errors.CredentialsRefused):
        crm.who_am_i()
    cloud.heal()

    assert crm.who_am_i()


def test_a_sign_in_service_in_trouble_is_no_refusal(cloud):
    transport = cloud.transport(token_source=cloud.credentials())
    crm = CrmClient(transport=transport)
    cloud.fail({"path": "/oauth2/v2.0/token", "status": 503})

    with pytest.raises(errors.TokenUnavailable) as caught:
        crm.who_am_i()
    cloud.heal()

    assert caught.value.transient
    assert transport.pauses == []
    assert crm.who_am_i()


def test_a_crm_that_is_gone_is_unreachable(tmp_path):
    with SandboxServer(tmp_path / "gone.sqlite3", world=EMPTY_WORLD) as sandbox:
        crm = Cloud(sandbox.url).client()
        crm.who_am_i()

    with pytest.raises(errors.Unreachable):
        crm.who_am_i()
