"""Every method of the client as a function that looks up the arguments and returns the call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import ActingFor, SyncMethod
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.records import FilterChange, FilterSwitch, MethodChange, QueryType, SystemFilter
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.edit import Edit
from tests.crm.contract.scene import IDS, OURSELVES

Call = Callable[[CrmClient], object]

RITA = IDS["Rita"]
ACTING = ActingFor(OURSELVES)
TOMORROW, LONG_AGO = datetime(2030, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
FILTER = SystemFilter(
    id=OURSELVES,
    name="",
    table="contact",
    query_type=QueryType.OUTLOOK_FILTER,
    fetch_xml='<fetch><entity name="contact"/></fetch>',
    is_default=False,
    state=0,
)


def _read_for_delivery(cloud: Cloud) -> Call:
    contact = cloud.contacts()[0]
    return lambda crm: crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[contact])


def _read_for_staging(cloud: Cloud) -> Call:
    contact = cloud.contacts()[0]
    return lambda crm: crm.read_for_staging(table="contact", contact_id=contact, columns=[], operation_ids=[contact])


def _apply(cloud: Cloud) -> Call:
    edit = Edit(cloud, cloud.client())
    return lambda crm: edit.apply(client=crm)


def _switch(cloud: Cloud) -> Call:
    found = cloud.client().filters.of(RITA)[0]
    wanted = FilterSwitch(RITA, (FilterChange(found.id, active=False, etag=found.etag),))
    return lambda crm: crm.filters.switch([wanted])


def _switch_as_owner(cloud: Cloud) -> Call:
    """Return a switch in the owner's name, which raises an error that is returned instead of a result."""
    found = cloud.client().filters.of(RITA)[0]
    wanted = FilterSwitch(RITA, (FilterChange(found.id, active=False, etag=found.etag),))

    def call(crm: CrmClient) -> object:
        (result,) = crm.filters.switch_as_owners([wanted], [ActingFor(RITA)])
        if isinstance(result, CrmError):
            raise result
        return result

    return call


def _set_methods(cloud: Cloud) -> Call:
    (user,) = cloud.client().directory.users_by_id([RITA])
    mailbox = user.mailbox_id or UUID(int=0)
    return lambda crm: crm.filters.set_methods([MethodChange(mailbox, SyncMethod.NONE)])


def _of_audit_entry(call: Callable[[CrmClient, UUID], object]) -> Callable[[Cloud], Call]:
    """Return the call with the audit entry of a new change."""

    def prepare(cloud: Cloud) -> Call:
        cloud.put("auditing", enabled=True)
        contact = cloud.contacts()[0]
        cloud.change(contact, nickname=str(uuid4()))
        entry = cloud.client().audits.entries("contact", since=LONG_AGO, rows=[contact]).rows[-1]
        return lambda crm: call(crm, entry.id)

    return prepare


def _rewrite_direction(cloud: Cloud) -> Call:
    crm = cloud.client()
    stored = crm.directions.stored(crm.directions.of(OURSELVES)[0].id)
    return lambda crm: crm.directions.rewrite(stored)


def _stored_direction(cloud: Cloud) -> Call:
    mapping = cloud.client().directions.of(OURSELVES)[0].id
    return lambda crm: crm.directions.stored(mapping)


def _plain(call: Call) -> Callable[[Cloud], Call]:
    return lambda _cloud: call


def _with_organization_check(crm: CrmClient) -> CrmClient:
    return CrmClient(transport=crm._transport, belongs_to=lambda organization_id: True)


READS: dict[str, Callable[[Cloud], Call]] = {
    "who_am_i": _plain(lambda crm: crm.who_am_i()),
    "own_user_id": _plain(lambda crm: crm.own_user_id()),
    "verify_organization": _plain(lambda crm: _with_organization_check(crm).verify_organization()),
    "columns": _plain(lambda crm: crm.columns("contact")),
    "table_facts": _plain(lambda crm: crm.table_facts("userquery")),
    "staged_fields": _plain(lambda crm: crm.staged_fields()),
    "staged_records": _plain(lambda crm: crm.staged_records()),
    "users": _plain(lambda crm: crm.users([RITA])),
    "companies": _plain(lambda crm: crm.companies([RITA])),
    "live_contacts": _plain(lambda crm: crm.live_contacts({RITA: []})),
    "read_for_delivery": _read_for_delivery,
    "read_for_staging": _read_for_staging,
    "directory.users": _plain(lambda crm: crm.directory.users()),
    "directory.users_by_id": _plain(lambda crm: crm.directory.users_by_id([RITA])),
    "directory.teams": _plain(lambda crm: crm.directory.teams()),
    "directory.memberships": _plain(lambda crm: crm.directory.memberships()),
    "directory.business_units": _plain(lambda crm: crm.directory.business_units()),
    "directory.mailboxes": _plain(lambda crm: crm.directory.mailboxes()),
    "directory.mailboxes_by_id": _plain(lambda crm: crm.directory.mailboxes_by_id([RITA])),
    "directory.organization": _plain(lambda crm: crm.directory.organization()),
    "filters.of": _plain(lambda crm: crm.filters.of(RITA)),
    "filters.of_owners": _plain(lambda crm: crm.filters.of_owners([RITA])),
    "filters.system_filters": _plain(lambda crm: crm.filters.system_filters()),
    "evaluation.counts": _plain(lambda crm: crm.evaluation.counts([FILTER], acting_for=ACTING)),
    "evaluation.rows": _plain(lambda crm: crm.evaluation.rows(FILTER, acting_for=ACTING)),
    "evaluation.organized_meetings": _plain(
        lambda crm: crm.evaluation.organized_meetings([RITA], table="appointment", after=TOMORROW)
    ),
    "round_trip": _plain(lambda crm: crm.round_trip()),
    "accounts.account": _plain(lambda crm: crm.accounts.account(OURSELVES)),
    "accounts.ids_by_name": _plain(lambda crm: crm.accounts.ids_by_name("# SSSAdminProd")),
    "accounts.privileges": _plain(lambda crm: crm.accounts.privileges(OURSELVES)),
    "accounts.version": _plain(lambda crm: crm.accounts.version()),
    "metadata.table": _plain(lambda crm: crm.metadata.table("contact")),
    "metadata.keys": _plain(lambda crm: crm.metadata.keys("osync_syncrecord")),
    "metadata.auditing": _plain(lambda crm: crm.metadata.auditing("contact")),
    "metadata.secured": _plain(lambda crm: crm.metadata.secured("contact")),
    "audits.settings": _plain(lambda crm: crm.audits.settings()),
    "audits.entries": _plain(lambda crm: crm.audits.entries("contact", since=LONG_AGO)),
    "audits.details": _of_audit_entry(lambda crm, entry: crm.audits.details(entry)),
    "audits.details_of": _of_audit_entry(lambda crm, entry: crm.audits.details_of([entry])),
    "contact_changes.latest": _plain(lambda crm: crm.contact_changes.latest(limit=5)),
    "contact_changes.tracked": _plain(lambda crm: crm.contact_changes.tracked(page_size=5)),
    "contact_changes.count_signed": _plain(lambda crm: crm.contact_changes.count_signed(RITA, since=LONG_AGO)),
    "directions.of": _plain(lambda crm: crm.directions.of(OURSELVES)),
    "directions.stored": _stored_direction,
    "lookups.search": _plain(lambda crm: crm.lookups.search("account", "", limit=5)),
}
WRITES: dict[str, Callable[[Cloud], Call]] = {
    "apply": _apply,
    "filters.switch": _switch,
    "filters.switch_as_owners": _switch_as_owner,
    "filters.set_methods": _set_methods,
    "directions.rewrite": _rewrite_direction,
}
METHODS = READS | WRITES
# Methods that continue at a stored link.
FOLLOWERS = ("staged_fields", "staged_records", "contact_changes.tracked")
# Methods that send no request, so no network fault can affect them.
LOCAL = ("in_lane", "close", "limiter_status", "requests_sent", "writes_are_allowed", "filters_may_be_switched")
