"""Staging an edit: created once with its fields, together with the contact's write or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import NotFound, Rejected, Stale, Unreachable, WritesDisabled
from syncapp.crm.staging.records import (
    UNKNOWN_ORIGINAL,
    ChangeSet,
    ContactWrite,
    LiveContact,
    NewField,
    NewRecord,
    RestoredFlag,
    StagingSnapshot,
)
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import IDS

EDITED_ON = datetime(2026, 11, 20, 9, 30, 15, tzinfo=UTC)


class Staging:
    """A contact whose telephone Outlook has changed, without a plug-in."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.crm = cloud, cloud.client()
        cloud.put("plugin", enabled=False)
        self.contact_id = cloud.contacts()[0]
        self.original = self.read().contact.values["telephone1"]
        cloud.edit(self.contact_id, telephone1="+49 40 555")
        self.record = NewRecord(
            operation_id=uuid4(),
            name="Marta Villanueva",
            table="contact",
            contact_id=self.contact_id,
            editor_id=IDS["Rita"],
            edited_on=EDITED_ON,
            source="audit",
            is_restored=True,
            fields=(
                NewField("telephone1", self.original, "+49 40 555", self.original or "", "+49 40 555"),
                NewField("fax", None, "1", UNKNOWN_ORIGINAL),
            ),
        )
        self.before = cloud.last_write()

    @property
    def contact(self) -> LiveContact:
        found = self.read().contact
        assert found is not None
        return found

    def read(self, *operations: UUID) -> StagingSnapshot:
        column = self.cloud.columns["telephone1"]
        return self.crm.read_for_staging(
            table="contact", contact_id=self.contact_id, columns=[column], operation_ids=operations
        )

    def change_set(self, *, restores: bool = True) -> ChangeSet:
        contact = self.contact
        values = ((self.cloud.columns["telephone1"], self.original),)
        write = ContactWrite(contact.id, contact.etag, (contact.revision or 0) + 1, values)
        return ChangeSet(contact=write if restores else None, records=(self.record,))

    def apply(self, change_set: ChangeSet | None = None, client: CrmClient | None = None) -> None:
        (client or self.crm).apply(change_set or self.change_set(), tag="osync-capture")

    def written(self) -> list[dict[str, Any]]:
        return self.cloud.ledger(self.before)


@pytest.fixture
def staging(cloud: Cloud):
    yield Staging(cloud)
    cloud.put("plugin", enabled=True)


def test_edit_is_created_with_its_fields(staging: Staging) -> None:
    staging.apply()

    tables = [entry["table"] for entry in staging.written()]
    assert tables == ["contact", "osync_syncrecord", "osync_syncfield", "osync_syncfield"]
    assert len({entry["transaction"] for entry in staging.written()}) == 1
    assert staging.contact.values["telephone1"] == staging.original
    (record,) = staging.read(staging.record.operation_id).staged.values()
    assert (record.id, record.source, record.is_restored) == (staging.record.id, "audit", True)
    assert (record.name, record.contact_id, record.editor_id) == (
        "Marta Villanueva",
        staging.contact_id,
        IDS["Rita"],
    )
    assert (record.edited_on, record.operation_id) == (EDITED_ON, str(staging.record.operation_id))
    found = {field.column: field for field in staging.crm.staged_fields().rows if field.record_id == record.id}
    assert (found["telephone1"].original, found["telephone1"].proposed) == (staging.original, "+49 40 555")
    assert (found["fax"].original, found["fax"].original_label) == (None, UNKNOWN_ORIGINAL)
    assert found["fax"].id == staging.record.field_id("fax")


def test_edit_without_editor_or_restore_is_staged(staging: Staging) -> None:
    staging.record = replace(staging.record, editor_id=None, is_restored=False)

    staging.apply(staging.change_set(restores=False))

    (record,) = staging.read(staging.record.operation_id).staged.values()
    assert (record.editor_id, record.is_restored) == (None, False)
    assert staging.contact.values["telephone1"] == "+49 40 555"


def test_restored_flag_requires_version_that_was_read(staging: Staging) -> None:
    staging.apply()
    (record,) = staging.read(staging.record.operation_id).staged.values()
    flag = RestoredFlag(record.id, record.etag, is_restored=False)

    staging.apply(ChangeSet(flags=(flag,)))

    view = staging.crm.read_for_delivery(
        table="contact", contact_id=staging.contact_id, columns=[], record_ids=[record.id], with_origin=True
    )
    assert not view.records[record.id].is_restored
    with pytest.raises(Stale):
        staging.apply(ChangeSet(flags=(flag,)))


def test_repeated_operation_is_stale(staging: Staging) -> None:
    staging.apply(staging.change_set(restores=False))
    before = staging.written()

    with pytest.raises(Stale):
        staging.apply()

    assert staging.written() == before
    assert staging.contact.values["telephone1"] == "+49 40 555"


def test_changed_contact_stops_staging(staging: Staging) -> None:
    change_set = staging.change_set()
    staging.cloud.change(staging.contact_id, jobtitle="Pilot")
    staging.before = staging.cloud.last_write()

    with pytest.raises(Stale):
        staging.apply(change_set)

    assert staging.written() == []
    assert staging.read(staging.record.operation_id).staged == {}


@pytest.mark.parametrize("cut", ["before_commit", "after_commit"])
def test_operation_id_shows_outcome_after_lost_answer(staging: Staging, cut: str) -> None:
    change_set = staging.change_set()
    staging.cloud.fail({"path": "$batch", "cut": cut, "times": 1})

    with pytest.raises(Unreachable) as caught:
        staging.apply(change_set)

    assert caught.value.may_have_applied
    is_committed = cut == "after_commit"
    assert bool(staging.read(staging.record.operation_id).staged) is is_committed
    assert (staging.contact.values["telephone1"] == staging.original) is is_committed


def test_refused_restore_stages_nothing(staging: Staging) -> None:
    write = staging.change_set().contact
    assert write is not None
    refused = replace(write, values=((staging.cloud.columns["telephone1"], "5" * 51),))

    with pytest.raises(Rejected):
        staging.apply(ChangeSet(contact=refused, records=(staging.record,)))

    assert staging.written() == []


def test_deleted_contact_stops_staging(staging: Staging) -> None:
    change_set = staging.change_set()
    staging.cloud.delete(staging.contact_id)
    staging.before = staging.cloud.last_write()

    assert staging.read().contact is None
    with pytest.raises((NotFound, Stale)):
        staging.apply(change_set)
    assert staging.written() == []


def test_read_only_mode_stages_nothing(staging: Staging) -> None:
    with pytest.raises(WritesDisabled):
        staging.apply(client=staging.cloud.client(writes_allowed=False))

    assert staging.written() == []
