"""The contract tests against a real environment if one is configured, else against the sandbox.

CRM_CONTRACT_ORIGIN, CRM_CONTRACT_AUTHORITY, CRM_CONTRACT_CLIENT_ID and CRM_CONTRACT_CLIENT_SECRET name it; by default
the tests only read. CRM_CONTRACT_FILTER_OWNER is the systemuserid of a test user who has an Outlook filter, which is
read too. With CRM_CONTRACT_WRITES=yes, one of that user's filters is switched, read back and restored, and a contact
and a staged edit of it are created, decided and deleted. The tests leave nothing behind, and remove what a killed run
left behind; in the sandbox, the ledger proves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import DirectoryUser
from syncapp.crm.errors import CrmError, Stale
from syncapp.crm.filters import access
from syncapp.crm.filters.records import FilterChange, FilterSwitch, MethodChange, OutlookFilter
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import Lane, Limits
from syncapp.crm.staging.records import ChangeSet, ContactWrite, RecordClose
from syncapp.crm.transport import Transport
from tests.crm.contract import real as environments
from tests.crm.contract.calls import METHODS, WRITES
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.edit import mark
from tests.crm.contract.real import (
    IS_REAL,
    MAY_WRITE,
    READS,
    Environment,
    InMemoryNotes,
    Notes,
    remaining_changes,
    restore_state,
    store_state,
    without_secrets,
)
from tests.crm.contract.scene import IDS

OWNER = environments.OWNER if IS_REAL else str(IDS["Rita"])
LISTS = ("users", "teams", "memberships", "business_units", "mailboxes")
# Few enough for an environment of any size, and enough to follow a link to the next page.
PAGES = 3
needs_owner = pytest.mark.skipif(not OWNER, reason="CRM_CONTRACT_FILTER_OWNER is not set")
needs_writes = pytest.mark.skipif(not MAY_WRITE, reason="writes are not allowed")


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    if IS_REAL:
        yield environments.configured()
        return
    cloud: Cloud = request.getfixturevalue("cloud")
    cloud.call("PATCH", f"contacts({cloud.contacts()[0]})", {"jobtitle": "Staged, so that there are pages"})
    since = cloud.last_write()
    yield Environment(cloud.url, cloud.signed_in)
    assert remaining_changes(cloud.ledger(since)) == {}


@pytest.fixture
def real(environment: Environment) -> CrmClient:
    rate_limiter = InProcessLimiter(Limits())
    transport = Transport(
        origin=environment.origin, token_source=environment.tokens, rate_limiter=rate_limiter, lane=Lane.BULK
    )
    return CrmClient(transport=transport, writes_allowed=lambda: MAY_WRITE, filter_writes_allowed=lambda: MAY_WRITE)


def test_own_identity_is_read(real):
    identity = real.who_am_i()
    assert real.own_user_id() == identity.user_id

    (user,) = real.users([identity.user_id])
    assert user.id == identity.user_id


def test_contact_columns_are_read(real):
    columns = {column.name: column for column in real.columns("contact")}

    assert columns["telephone1"].max_length
    assert columns["preferredcontactmethodcode"].options
    assert set(columns["parentcustomerid"].targets) == {"account", "contact"}


@pytest.mark.parametrize("read", ["staged_fields", "staged_records"])
def test_staging_deltas_are_read(real, read):
    page, pages = getattr(real, read)(page_size=5), 1
    while page.next_link and pages < PAGES:
        page, pages = getattr(real, read)(page.next_link, page_size=5), pages + 1
    if page.next_link:  # too many rows: read them again in the largest pages
        page = getattr(real, read)(page_size=5000)
    while page.next_link:
        page = getattr(real, read)(page.next_link, page_size=5000)

    assert getattr(real, read)(page.delta_link).delta_link


@pytest.mark.parametrize("read", LISTS)
def test_directory_is_read(real, read):
    page = getattr(real.directory, read)(page_size=5)

    assert page.rows
    if page.next_link:
        assert getattr(real.directory, read)(page.next_link, page_size=5).rows != page.rows


def test_organization_and_delete_setting_are_read(real):
    organization = real.directory.organization()

    assert organization.id == real.who_am_i().organization_id
    assert organization.keeps_deletes_apart is not None


def test_system_filters_are_read(real):
    assert {each.query_type for each in real.filters.system_filters()} <= {16, 256, 8192, 131072}


def test_filter_table_facts_are_read(real):
    assert real.table_facts("userquery").set_name == "userqueries"


def test_other_reads_succeed(real):
    us, refused = real.who_am_i().user_id, {}
    for name, read in READS.items():
        try:
            read(real, us)
        except CrmError as error:
            refused[name] = f"{type(error).__name__}: {error.message}"

    assert refused == {}


def test_real_calls_cover_every_client_method():
    alone = {"who_am_i", "own_user_id", "users", "columns", "staged_fields", "staged_records", "table_facts"}
    alone |= {"directory.organization", "filters.system_filters", *(f"directory.{name}" for name in LISTS)}

    assert alone | set(READS) | set(WRITES) == set(METHODS)


@pytest.fixture
def owner(real) -> DirectoryUser:
    (found,) = real.directory.users_by_id([UUID(OWNER)])
    return found


@pytest.fixture
def notes(request) -> Notes:
    """Notes for the next run, in pytest's cache."""
    return request.config.cache if IS_REAL else InMemoryNotes()


@pytest.fixture
def user_filter(real, notes, owner) -> OutlookFilter:
    """Return a filter of the test user, in its original state, read in a way that works."""
    if MAY_WRITE:
        restore_state(real, notes, OWNER)
    found = real.filters.of(owner.id) or real.filters.of(owner.id, acting_for=owner.acting)
    assert found, "The test user has no Outlook filter, or we may not see it."
    return found[0]


@pytest.fixture
def to_switch(real, notes, user_filter) -> Iterator[OutlookFilter]:
    """Yield a filter of the test user and restore its state afterwards."""
    store_state(user_filter, notes)
    yield user_filter
    restore_state(real, notes, OWNER)


def _change(real: CrmClient, found: OutlookFilter, *, active: bool) -> FilterSwitch:
    keeps_versions = real.table_facts("userquery").keeps_versions
    change = FilterChange(found.id, active=active, etag=found.etag if keeps_versions else "")
    return FilterSwitch(found.owner_id, (change,))


@needs_owner
@needs_writes
def test_user_filter_is_switched(real, to_switch):
    (result,) = real.filters.switch([_change(real, to_switch, active=not to_switch.is_on)])

    assert result.proved


@needs_owner
@needs_writes
def test_user_filter_is_switched_as_owner(real, to_switch, owner):
    if not access.probe_reading(real, owner.acting).acting_works:
        pytest.skip("the application user may not impersonate here")

    (result,) = real.filters.switch_as_owners([_change(real, to_switch, active=to_switch.is_on)], [owner.acting])

    assert (result.proved, result.wrong_author) == (True, False)


@needs_owner
@needs_writes
def test_sync_method_is_set(real, owner):
    (mailbox,) = real.directory.mailboxes_by_id([owner.mailbox_id])

    (result,) = real.filters.set_methods([MethodChange(mailbox.id, mailbox.method, mailbox.etag)])

    assert result.proved


@needs_owner
def test_probe_finds_way_to_read_filters(real, owner):
    probe = access.probe_reading(real, owner.acting)

    assert probe.direct_works or probe.acting_works


@needs_owner
def test_filter_rows_are_counted_for_owner(real, user_filter, owner):
    (counted,) = real.evaluation.counts([user_filter], acting_for=owner.acting)

    selection = real.evaluation.rows(user_filter, acting_for=owner.acting)
    assert len(selection.rows) == min(counted.number, 5000)  # `rows` reads 5,000 rows at most


@pytest.fixture
def staged_edit(environment: Environment) -> Iterator[tuple[UUID, UUID]]:
    """Yield the ids of a contact and a staged edit, which are deleted afterwards."""
    environment.clean_up()
    try:
        yield environment.stage()
    finally:
        environment.clean_up()


@needs_writes
def test_change_set_is_applied_once(real, staged_edit):
    contact_id, record_id = staged_edit
    jobtitle = next(column for column in real.columns("contact") if column.name == "jobtitle")
    wanted = {"table": "contact", "contact_id": contact_id, "columns": [jobtitle], "record_ids": [record_id]}
    view = real.read_for_delivery(**wanted)
    (field,) = view.fields.values()
    change_set = ChangeSet(
        contact=ContactWrite(contact_id, view.contact.etag, 2, ((jobtitle, "Pilot"),)),
        marks=(mark(field),),
        closes=(RecordClose(record_id, view.records[record_id].etag),),
    )

    real.apply(change_set, tag="osync-portal")

    now = real.read_for_delivery(**wanted)
    assert [found.decision_id for found in now.fields.values()] == ["decision-1"]
    assert now.contact.revision == 2
    with pytest.raises(Stale):
        real.apply(change_set, tag="osync-portal")


@needs_writes
@needs_owner
def test_leftovers_of_killed_run_are_removed(environment, real, notes, user_filter):
    """Leave rows behind on purpose, so that `environment` reports them."""
    environment.stage()
    store_state(user_filter, notes)
    real.filters.switch([_change(real, user_filter, active=not user_filter.is_on)])

    environment.clean_up()
    restore_state(real, notes, OWNER)

    assert environment.ids("contacts", "contactid", f"lastname eq '{environments.LAST_NAME}'") == []
    assert real.filters.of(user_filter.owner_id)[0].is_on is user_filter.is_on


def test_token_is_removed_from_printed_text(environment):
    token = environment.tokens.token()

    assert token not in without_secrets(f"{{'Authorization': 'Bearer {token}'}}")


def test_leftovers_are_reported() -> None:
    left = [
        {"table": "contact", "id": "1", "method": "POST", "changes": {}},
        {"table": "contact", "id": "2", "method": "DELETE", "changes": {}},
        {"table": "userquery", "id": "3", "method": "PATCH", "changes": {"statecode": [0, 1]}},
        {"table": "userquery", "id": "4", "method": "PATCH", "changes": {"statecode": [0, 1]}},
        {"table": "userquery", "id": "4", "method": "PATCH", "changes": {"statecode": [1, 0]}},
    ]

    assert remaining_changes(left) == {
        ("contact", "1"): "made",
        ("contact", "2"): "deleted",
        ("userquery", "3"): "switched",
    }
