"""Reads of staged edits, contacts, columns and users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dataverse_sandbox.config import APPLICATION_USER_ID, BUSINESS_UNIT_ID, EDITOR, ORGANIZATION_ID, PEOPLE
from syncapp.crm.errors import Forbidden, NotFound, Rejected, ServerFault
from syncapp.crm.names import Names
from syncapp.crm.staging.records import ColumnType, Navigation, StagedDecision


def test_who_am_i_returns_identity(crm):
    identity = crm.who_am_i()

    assert identity.user_id == UUID(APPLICATION_USER_ID)
    assert identity.organization_id == UUID(ORGANIZATION_ID)
    assert identity.business_unit_id == UUID(BUSINESS_UNIT_ID)


@pytest.mark.parametrize(
    ("name", "label", "column_type"),
    [
        ("telephone1", "Business Phone", ColumnType.TEXT),
        ("description", "Description", ColumnType.MEMO),
        ("preferredcontactmethodcode", "Preferred Method of Contact", ColumnType.CHOICE),
        ("osync_topics", "Topics of Interest", ColumnType.CHOICES),
        ("donotemail", "Do not allow Emails", ColumnType.YES_NO),
        ("osync_revision", "Revision", ColumnType.INTEGER),
        ("creditlimit", "Credit Limit", ColumnType.MONEY),
        ("birthdate", "Birthday", ColumnType.DATE),
        ("modifiedon", "Modified On", ColumnType.DATE_TIME),
        ("parentcustomerid", "Company Name", ColumnType.LOOKUP),
        ("contactid", "Contact", ColumnType.OTHER),
    ],
)
def test_columns_have_label_and_type(cloud, crm, name, label, column_type):
    column = cloud.columns[name]

    assert (column.label, column.type, column.table) == (label, column_type, "contact")


def test_columns_have_limits_and_options(cloud, crm):
    columns = cloud.columns

    assert columns["telephone1"].max_length == 50
    assert (3, "Phone") in columns["preferredcontactmethodcode"].options
    assert columns["donotemail"].options == ((0, "Allow"), (1, "Do Not Allow"))
    assert columns["parentcustomerid"].targets == ("account", "contact")
    assert columns["statecode"].options == ((0, "Active"), (1, "Inactive"))
    assert columns["telephone1"].writable
    assert not columns["fullname"].writable
    assert not columns["contactid"].writable


def test_lookups_have_navigation_properties(cloud, crm):
    assert cloud.columns["parentcustomerid"].navigation == (
        Navigation("account", "parentcustomerid_account", "accounts"),
        Navigation("contact", "parentcustomerid_contact", "contacts"),
    )
    assert cloud.columns["transactioncurrencyid"].navigation == (
        Navigation("transactioncurrency", "transactioncurrencyid", "transactioncurrencies"),
    )
    assert cloud.columns["ownerid"].navigation == ()


def test_unknown_table_raises_not_found(crm):
    with pytest.raises(NotFound):
        crm.columns("osync_nothing")


def test_unknown_user_ids_are_absent(crm):
    rita = PEOPLE[0]

    (user,) = crm.users([UUID(rita.user_id), uuid4(), UUID(rita.user_id)])

    assert (user.id, user.name, user.address) == (UUID(rita.user_id), rita.name, rita.address)
    assert (user.entra_id, user.disabled) == (UUID(rita.object_id), False)


def test_users_beyond_one_request_are_read(crm):
    ids = [UUID(person.user_id) for person in PEOPLE] + [uuid4() for _ in range(100)]

    assert len(crm.users(ids)) == len(PEOPLE)
    assert crm.users([]) == ()


def test_staged_edit_has_record_and_fields(cloud, crm):
    contact = cloud.contacts()[0]
    before = crm.live_contacts({contact: [cloud.columns["preferredcontactmethodcode"]]})[contact]
    proposed = 5 if before.values["preferredcontactmethodcode"] != "5" else 4
    cloud.edit(contact, preferredcontactmethodcode=proposed)

    (record,) = crm.staged_records().rows
    (field,) = crm.staged_fields().rows

    assert (record.contact_id, record.target_table, record.target_id) == (contact, "contact", contact)
    assert (record.editor_id, record.editor_name) == (UUID(EDITOR.user_id), EDITOR.name)
    assert datetime.now(UTC) - record.edited_on < timedelta(minutes=1)
    assert (field.record_id, field.column) == (record.id, "preferredcontactmethodcode")
    assert (field.original, field.proposed) == (before.values["preferredcontactmethodcode"], str(proposed))
    assert field.proposed_label == {4: "Fax", 5: "Mail"}[proposed]
    assert (field.decision, field.state, field.version > 0) == (StagedDecision.PENDING, 0, True)


def test_live_values_are_canonical_with_labels(cloud, crm):
    contact = cloud.contacts()[0]
    cloud.change(contact, creditlimit=1234.5, birthdate="1980-02-29", donotemail=True, telephone1="+49 40 1")
    wanted = [cloud.columns[name] for name in ("creditlimit", "birthdate", "donotemail", "telephone1")]

    now = crm.live_contacts({contact: wanted})[contact]

    assert dict(now.values) == {
        "creditlimit": "1234.5",
        "birthdate": "1980-02-29",
        "donotemail": "true",
        "telephone1": "+49 40 1",
    }
    assert now.labels["donotemail"] == "Do Not Allow"
    assert "1,234.5" in now.labels["creditlimit"]
    assert now.labels["telephone1"] == "+49 40 1"
    assert now.etag
    assert now.revision is None, "only a delivery needs it"


def test_deleted_contact_is_absent(cloud, crm):
    gone, there = cloud.contacts()[:2]
    cloud.delete(gone)
    phone = [cloud.columns["telephone1"]]

    assert set(crm.live_contacts({gone: phone, there: phone})) == {there}


def test_more_than_fifty_contacts_are_refused(crm):
    with pytest.raises(ValueError, match="50"):
        crm.live_contacts({uuid4(): [] for _ in range(51)})


def test_empty_contact_list_sends_no_request(cloud, crm):
    cloud.fail({"status": 500})

    assert crm.live_contacts({}) == {}


def test_failing_part_fails_read_of_contacts(cloud, crm):
    phone = [cloud.columns["telephone1"]]
    contacts = cloud.contacts()
    cloud.fail({"method": "GET", "table": "contact", "status": 403, "times": 1})

    with pytest.raises(Forbidden):
        crm.live_contacts(dict.fromkeys(contacts, phone))


def test_delivery_snapshot_has_contact_records_and_fields(cloud, crm):
    contact = cloud.contacts()[0]
    first = UUID(cloud.edit(contact, telephone1="+49 40 11", jobtitle="Pilot")["record"])
    second = UUID(cloud.edit(contact, telephone1="+49 40 22")["record"])

    view = crm.read_for_delivery(
        table="contact",
        contact_id=contact,
        columns=[cloud.columns["telephone1"]],
        record_ids=[first, second],
    )

    assert view.contact.id == contact
    assert view.contact.revision >= 1
    assert set(view.contact.values) == {"telephone1"}
    assert set(view.records) == {first, second}
    assert sorted((field.record_id == first, field.column) for field in view.fields.values()) == [
        (False, "telephone1"),
        (True, "jobtitle"),
        (True, "telephone1"),
    ]


def test_delivery_snapshot_of_deleted_contact_keeps_staging_rows(cloud, crm):
    contact = cloud.contacts()[0]
    record = UUID(cloud.edit(contact, telephone1="+49 40 11")["record"])
    cloud.delete(contact)

    view = crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[record])

    assert view.contact is None
    assert set(view.records) == {record}
    assert len(view.fields) == 1


def test_delivery_snapshot_leaves_out_missing_record(cloud, crm):
    contact = cloud.contacts()[0]

    view = crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[uuid4()])

    assert view.contact is not None
    assert (dict(view.records), dict(view.fields)) == ({}, {})


def test_failing_part_fails_delivery_snapshot(cloud, crm):
    contact = cloud.contacts()[0]
    cloud.fail({"method": "GET", "table": "osync_syncfield", "status": 500})

    with pytest.raises(ServerFault):
        crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[uuid4()])


def test_configured_column_names_are_requested(cloud):
    names = Names.from_mapping({"field_reason": "osync_nothing"})
    client = type(cloud.client())(transport=cloud.transport(), names=names)

    with pytest.raises(Rejected):
        client.staged_fields()


@pytest.mark.parametrize("sought", ["weber", "WEB jon", "jonas weber", "jo"])
def test_lookup_search_requires_every_word_to_match(crm, sought):
    assert "Jonas Weber" in {row.name for row in crm.lookups.search("systemuser", sought, limit=50).rows}
    assert crm.lookups.search("systemuser", f"{sought} onas", limit=50).rows == ()


def test_lookup_search_matches_beginning_of_name(crm):
    somebody = crm.lookups.search("systemuser", EDITOR.name[:3].lower(), limit=5).rows

    assert EDITOR.name in {row.name for row in somebody}
    assert all(row.value == f"systemuser:{row.id}" for row in somebody)
    assert crm.lookups.search("account", "o'quote", limit=5).rows == ()
    assert crm.lookups.search("systemuser", "%", limit=5).rows == ()


def test_records_beyond_one_request_are_read(cloud, crm, monkeypatch):
    monkeypatch.setattr("syncapp.crm.client._RECORDS_PER_REQUEST", 1)
    contact = cloud.contacts()[0]
    records = {UUID(cloud.edit(contact, telephone1=f"+49 40 {number}")["record"]) for number in (1, 2)}

    view = crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=sorted(records))

    assert (set(view.records), len(view.fields)) == (records, 2)


def test_own_user_is_read_once(crm, caplog):
    caplog.set_level("INFO", "syncapp.crm.transport")

    assert [crm.own_user_id(), crm.own_user_id()] == [UUID(APPLICATION_USER_ID)] * 2

    assert sum("WhoAmI" in line for line in caplog.messages) == 1
