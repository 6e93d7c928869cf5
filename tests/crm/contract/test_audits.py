"""The audit log: entries, their values, and changes on behalf of other users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncapp.crm.audits.records import Action, Operation
from syncapp.crm.errors import Forbidden, NotFound
from tests.crm.contract.calls import LONG_AGO
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import OURSELVES


@pytest.fixture
def audited(cloud: Cloud) -> Cloud:
    cloud.put("auditing", enabled=True, delay_seconds=0, days_kept=45)
    return cloud


def test_audit_settings_are_read(audited: Cloud) -> None:
    found = audited.client().audits.settings()

    assert (found.is_on, found.days_kept) == (True, 45)
    assert audited.client().metadata.table("contact").auditing.is_on
    assert audited.client().metadata.auditing("contact")["pager"].is_on


def test_entry_has_user_and_changed_values(audited: Cloud) -> None:
    contact = audited.contacts()[1]
    audited.change(contact, pager=None)
    audited.change(contact, pager="+47 1")

    # Both entries may have the same time, so their order says nothing.
    found = audited.client().audits.entries("contact", since=LONG_AGO, rows=[contact]).rows
    entry, details = next(
        (entry, details)
        for entry, details in ((entry, audited.client().audits.details(entry.id)) for entry in reversed(found))
        if "pager" in details.new
    )

    assert (entry.row_id, entry.operation, entry.calling_user_id) == (contact, Operation.UPDATE, None)
    assert (details.kind, details.new["pager"]) == ("AttributeAuditDetail", "+47 1")
    assert "pager" in details.columns - set(details.old)


def test_entries_are_read_page_by_page(audited: Cloud) -> None:
    for number in range(3):
        audited.change(audited.contacts()[2], pager=str(number))
    audits = audited.client().audits

    page = audits.entries("contact", since=LONG_AGO, page_size=2)
    following = audits.entries("contact", since=LONG_AGO, link=page.next_link, page_size=2)

    assert len(page.rows) == 2
    assert not {entry.id for entry in page.rows} & {entry.id for entry in following.rows}


def test_entries_before_given_moment_are_left_out(audited: Cloud) -> None:
    audited.change(audited.contacts()[3], pager="now")

    assert audited.client().audits.entries("contact", since=datetime.now(UTC) + timedelta(minutes=1)).rows == ()


def test_unknown_audit_entry_raises_not_found(audited: Cloud) -> None:
    with pytest.raises(NotFound):
        audited.client().audits.details(OURSELVES)


def test_missing_audit_privilege_raises_forbidden(audited: Cloud) -> None:
    audited.put("privileges", without=["prvReadAuditSummary"])
    try:
        with pytest.raises(Forbidden):
            audited.client().audits.entries("contact", since=LONG_AGO)
    finally:
        audited.put("privileges", without=[])


def test_latest_changes_are_newest_first(audited: Cloud) -> None:
    contact = audited.contacts()[0]
    audited.change(contact, pager="newest")

    changes = audited.client().contact_changes.latest(limit=3)

    assert (changes[0].contact_id, changes[0].signed_by) == (contact, None)
    assert changes[0].modified_by not in (None, OURSELVES)
    assert changes[0].is_update
    assert [change.modified_on for change in changes] == sorted((c.modified_on for c in changes), reverse=True)


def test_count_of_signed_changes_starts_at_zero(audited: Cloud) -> None:
    changes = audited.client().contact_changes

    assert changes.count_signed(OURSELVES, since=LONG_AGO) == 0


def test_details_of_several_entries_are_read_together(audited: Cloud) -> None:
    contact = audited.contacts()[1]
    for number in range(2):
        audited.change(contact, pager=f"together {number}")
    audits = audited.client().audits
    newest = [entry.id for entry in audits.entries("contact", since=LONG_AGO, rows=[contact]).rows[-2:]]

    first, second, unknown = audits.details_of([*newest, OURSELVES])

    assert {details.new["pager"] for details in (first, second)} == {"together 0", "together 1"}
    assert isinstance(unknown, NotFound)


def test_entries_of_several_operations_name_changed_columns(audited: Cloud) -> None:
    audited.change(audited.contacts()[1], pager="named")

    every = [Operation.CREATE, Operation.UPDATE, Operation.DELETE]
    found = audited.client().audits.entries("contact", since=LONG_AGO, operations=every, with_change_data=True).rows

    assert any('"pager"' in entry.change_data for entry in found)


def test_merge_is_listed_for_both_contacts(audited: Cloud) -> None:
    kept, merged = audited.contacts()[:2]
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    body = {"Target": {**kind, "contactid": str(kept)}, "Subordinate": {**kind, "contactid": str(merged)}}
    audited.call("POST", "Merge", {**body, "UpdateContent": {**kind, "pager": "1"}, "PerformParentingChecks": False})

    found = audited.client().audits.entries("contact", since=LONG_AGO).rows

    assert {entry.row_id for entry in found if entry.action == Action.MERGE} == {kept, merged}


def test_columns_without_new_value_are_listed_as_invalid(audited: Cloud) -> None:
    audited.put("auditing", invalid_new_values=["pager"])
    contact = audited.contacts()[1]
    audited.change(contact, pager="hidden")
    entry = audited.client().audits.entries("contact", since=LONG_AGO, rows=[contact]).rows[-1]

    found = audited.client().audits.details(entry.id)
    audited.put("auditing", invalid_new_values=[])

    assert found.invalid == {"pager"}
    assert "pager" not in found.new


def test_delta_of_tracked_contacts_has_changed_contact(audited: Cloud) -> None:
    changes = audited.client().contact_changes
    first = changes.tracked()
    contact = audited.contacts()[1]
    audited.change(contact, pager="tracked")

    delta = changes.tracked(first.delta_link)

    assert contact in {row.contact_id for row in first.rows}
    assert [row.contact_id for row in delta.rows] == [contact]


def test_sandbox_contact_has_no_secured_columns(audited: Cloud) -> None:
    assert audited.client().metadata.secured("contact") == frozenset()
