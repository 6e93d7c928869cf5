"""Writes: all or nothing, only over the version that was read, never twice."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import NotFound, ProtocolError, Rejected, Stale, Unreachable, WritesDisabled
from syncapp.crm.rate_limit.limiter import Lane
from syncapp.crm.staging.records import ChangeSet, Column, ColumnType, StagedDecision
from tests.crm.contract.edit import DECIDED_ON, mark
from tests.support.altered_answers import altered


def test_change_set_applies_all_parts(edit):
    edit.apply()

    written = edit.written()
    assert [(entry["table"], entry["plugin"]) for entry in written] == [
        ("contact", False),
        ("osync_syncfield", False),
        ("osync_syncrecord", False),
    ]
    assert len({entry["transaction"] for entry in written}) == 1
    contact, mark, close = [{name: new for name, (_, new) in entry["changes"].items()} for entry in written]
    assert contact["telephone1"] == "+49 40 555"
    assert contact["osync_revision"] == (edit.view.contact.revision or 0) + 1
    assert (mark["osync_decision"], mark["osync_decisionid"]) == (StagedDecision.APPROVED, "decision-1")
    assert (mark["statecode"], close["statecode"]) == (1, 1)


def test_mark_is_read_back_unchanged(edit):
    edit.apply()

    (field,) = edit.read().fields.values()
    assert (field.decision_id, field.applied, field.decided_by) == ("decision-1", "+49 40 555", "Rita Lindqvist")
    assert field.decided_on == DECIDED_ON.replace(microsecond=0)
    assert (field.state, field.decision, field.reason) == (1, StagedDecision.APPROVED, "")


def test_rejection_writes_only_the_mark(edit):
    (field,) = edit.view.fields.values()
    rejected = replace(mark(field), decision=StagedDecision.REJECTED, applied=None, reason="Wrong number")

    edit.apply(ChangeSet(marks=(rejected,)))

    (entry,) = edit.written()
    assert entry["table"] == "osync_syncfield"
    assert entry["changes"]["osync_reason"][1] == "Wrong number"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("telephone1", None),
        ("description", "two\nlines — 🎈 \u202eabc"),
        ("preferredcontactmethodcode", "3"),
        ("osync_topics", "410000000,410000003"),
        ("osync_topics", None),
        ("donotemail", "true"),
        ("creditlimit", "922337203685.25"),
        ("birthdate", "1980-02-29"),
        ("birthdate", None),
        ("parentcustomerid", None),
    ],
)
def test_values_of_all_types_are_read_back(edit, name, text):
    edit.apply(edit.change_set(**{name: text}))

    now = edit.crm.live_contacts({edit.contact: [edit.cloud.columns[name]]})[edit.contact]
    assert now.values[name] == text


@pytest.mark.parametrize("target", ["account", "contact"])
def test_lookups_to_both_tables_are_read_back(edit, target):
    rows = edit.cloud.transport().get(f"{target}s?$select={'name' if target == 'account' else 'fullname'}")["value"]
    wanted = f"{target}:{rows[-1][f'{target}id']}"
    column = edit.cloud.columns["parentcustomerid"]

    edit.apply(edit.change_set(parentcustomerid=wanted))

    now = edit.crm.live_contacts({edit.contact: [column]})[edit.contact]
    assert now.values["parentcustomerid"] == wanted
    assert now.labels["parentcustomerid"] == rows[-1]["name" if target == "account" else "fullname"]


def test_write_to_changed_contact_is_stale(edit):
    edit.cloud.change(edit.contact, jobtitle="Pilot")
    edit.before = edit.cloud.last_write()

    with pytest.raises(Stale) as caught:
        edit.apply()

    assert (caught.value.status, caught.value.may_have_applied) == (412, False)
    assert edit.written() == []


def test_changed_field_stops_contact_write(edit):
    (field,) = edit.view.fields.values()
    edit.cloud.post("decide", field=str(field.id), decision="rejected")
    edit.before = edit.cloud.last_write()

    with pytest.raises(Stale):
        edit.apply()

    assert edit.written() == []


def test_deleted_contact_is_never_recreated(edit):
    edit.cloud.delete(edit.contact)
    edit.before = edit.cloud.last_write()

    with pytest.raises((NotFound, Stale)) as caught:
        edit.apply()

    assert not caught.value.may_have_applied
    assert edit.written() == []
    assert edit.contact not in edit.cloud.contacts()


def test_refused_value_stops_change_set(edit):
    with pytest.raises(Rejected) as caught:
        edit.apply(edit.change_set(telephone1="5" * 51))

    assert (caught.value.status, caught.value.code) == (400, "0x80044331")
    assert not caught.value.may_have_applied
    assert edit.written() == []


def test_invalid_value_is_refused_before_sending(edit):
    edit.cloud.fail({"status": 500})

    with pytest.raises(Rejected) as caught:
        edit.apply(edit.change_set(preferredcontactmethodcode="Phone"))

    assert caught.value.status is None


def test_empty_change_set_sends_nothing(cloud, crm):
    cloud.fail({"status": 500})

    crm.apply(ChangeSet(), tag="osync-portal")


@pytest.mark.parametrize("part", ["contact", "marks", "closes"])
def test_write_without_etag_is_not_sent(edit, part):
    change_set = edit.change_set()
    without = replace(change_set.contact, etag="*") if part == "contact" else None
    bare = without or tuple(replace(item, etag="") for item in getattr(change_set, part))

    with pytest.raises(ValueError, match="ETag"):
        edit.apply(replace(change_set, **{part: bare}))

    assert edit.written() == []


def test_read_only_mode_sends_no_write(edit):
    with pytest.raises(WritesDisabled) as caught:
        edit.apply(client=edit.cloud.client(writes_allowed=False))

    assert not caught.value.may_have_applied
    assert edit.written() == []


def test_wrong_organization_gets_no_write(edit):
    ours = edit.cloud.client().who_am_i().organization_id
    edit.apply(client=edit.cloud.client(belongs_to=lambda organization_id: organization_id == ours))
    before = edit.written()

    with pytest.raises(WritesDisabled) as caught:
        edit.apply(client=edit.cloud.client(belongs_to=lambda organization_id: False))

    assert (caught.value.code, caught.value.may_have_applied) == ("another_crm", False)
    assert before
    assert edit.written() == before


@pytest.mark.parametrize("closed", ["writes_allowed", "belongs_to"])
def test_writes_stay_disabled_in_bulk_lane(edit, closed):
    client = CrmClient(transport=edit.cloud.transport(), **{closed: lambda *_: False})

    with pytest.raises(WritesDisabled):
        edit.apply(client=client.in_lane(Lane.BULK))


def test_filter_writes_stay_disabled_in_bulk_lane(cloud):
    client = CrmClient(transport=cloud.transport(), filter_writes_allowed=lambda: False)

    with pytest.raises(WritesDisabled):
        client.in_lane(Lane.BULK).filters.switch([])


def test_read_only_mode_allows_reads(cloud, crm):
    assert cloud.client(writes_allowed=False).who_am_i() == crm.who_am_i()


def test_connection_cut_before_commit_leaves_outcome_unknown(edit):
    edit.cloud.fail({"path": "$batch", "cut": "before_commit", "times": 1})

    with pytest.raises(Unreachable) as caught:
        edit.apply()

    assert caught.value.may_have_applied
    assert edit.written() == []


def test_write_is_not_retried_after_lost_answer(edit):
    edit.cloud.fail({"path": "$batch", "cut": "after_commit", "times": 1})

    with pytest.raises(Unreachable) as caught:
        edit.apply()

    assert caught.value.may_have_applied
    assert len(edit.written()) == 3
    (field,) = edit.read().fields.values()
    assert field.decision_id == "decision-1"


def test_throttled_write_is_applied_once(edit):
    edit.cloud.fail({"path": "$batch", "status": 429, "retry_after": 2, "times": 2})

    edit.apply()

    assert len(edit.written()) == 3


def test_repeated_change_set_is_stale(edit):
    change_set = edit.change_set()
    edit.apply(change_set)

    with pytest.raises(Stale):
        edit.apply(change_set)

    assert len(edit.written()) == 3


def test_unknown_column_is_rejected(edit):
    contact = edit.change_set().contact
    unknown = Column("contact", "osync_nothing", "Nothing", ColumnType.TEXT)

    with pytest.raises(Rejected):
        edit.apply(ChangeSet(contact=replace(contact, values=((unknown, "x"),))))

    assert edit.written() == []


def test_answer_with_other_contact_is_refused(edit, server):
    contact, other = edit.contact, edit.cloud.contacts()[1]

    with altered(server, str(contact), str(other)), pytest.raises(ProtocolError, match="another contact"):
        edit.crm.read_for_delivery(table="contact", contact_id=contact, columns=[], record_ids=[uuid4()])


def test_write_returns_stored_value(edit):
    answer = edit.crm.apply(edit.change_set(osync_discount="12.34567"), tag="osync-portal")

    assert answer is not None
    assert answer.values == {"osync_discount": "12.346"}


def test_number_limits_are_read_from_definition(edit):
    discount, limit = edit.cloud.columns["osync_discount"], edit.cloud.columns["creditlimit"]

    assert (discount.precision, discount.minimum, discount.maximum) == (3, 0, 100)
    assert (limit.precision, limit.minimum is not None) == (None, True)
