"""An Outlook edit, staged and read for delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import (
    ChangeSet,
    ContactWrite,
    DeliverySnapshot,
    FieldMark,
    RecordClose,
    StagedDecision,
    StagedField,
)
from syncapp.crm.transport import Deadline
from tests.crm.contract.cloud import Cloud

DECIDED_ON = datetime(2026, 11, 20, 9, 30, 15, 999_999, tzinfo=UTC)


class Edit:
    """An edit of a telephone number, staged by the sandbox and read for delivery."""

    def __init__(self, cloud: Cloud, crm: CrmClient) -> None:
        self.cloud, self.crm = cloud, crm
        self.contact = cloud.contacts()[0]
        self.record = UUID(cloud.edit(self.contact, telephone1="+49 40 555")["record"])
        self.before = cloud.last_write()
        self.view = self.read()

    def read(self) -> DeliverySnapshot:
        return self.crm.read_for_delivery(
            table="contact",
            contact_id=self.contact,
            columns=[self.cloud.columns["telephone1"]],
            record_ids=[self.record],
        )

    def change_set(self, **values: str | None) -> ChangeSet:
        (field,) = self.view.fields.values()
        columns = self.cloud.columns
        pairs = tuple((columns[name], text) for name, text in (values or {"telephone1": "+49 40 555"}).items())
        contact = self.view.contact
        return ChangeSet(
            contact=ContactWrite(self.contact, contact.etag, (contact.revision or 0) + 1, pairs),
            marks=(mark(field),),
            closes=(RecordClose(self.record, self.view.records[self.record].etag),),
        )

    def apply(self, change_set: ChangeSet | None = None, *, client: CrmClient | None = None) -> None:
        (client or self.crm).apply(change_set or self.change_set(), tag="osync-portal", deadline=Deadline.after(10))

    def written(self) -> list[dict[str, Any]]:
        return self.cloud.ledger(self.before)


def mark(field: StagedField) -> FieldMark:
    """Approve the field."""
    return FieldMark(
        field_id=field.id,
        etag=field.etag,
        decision=StagedDecision.APPROVED,
        decision_id="decision-1",
        applied="+49 40 555",
        decided_by="Rita Lindqvist",
        decided_on=DECIDED_ON,
        reason="",
    )
