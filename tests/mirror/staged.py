"""The CRM's staging rows as the client returns them, with sensible defaults."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from syncapp.crm.staging.records import ChangePage, StagedField, StagedRecord
from syncapp.mirror.edits import visibility
from syncapp.mirror.edits.rows import store_fields, store_records
from syncapp.models import SyncRecord

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONTACT = uuid.UUID("c0000000-0000-0000-0000-000000000001")
EDITOR = uuid.UUID("e0000000-0000-0000-0000-000000000001")


def a_record(*, minutes: int = 0, **values: Any) -> StagedRecord:
    """Return a staged edit, made `minutes` after noon."""
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "name": "Marta Villanueva",
        "contact_id": CONTACT,
        "target_table": "contact",
        "target_id": CONTACT,
        "editor_id": EDITOR,
        "editor_name": "Jonas Weber",
        "edited_on": NOON + timedelta(minutes=minutes),
        "operation_id": str(uuid.uuid4()),
        "state": 0,
        "version": 1,
        "etag": 'W/"1"',
    }
    return StagedRecord(**{**defaults, **values})


def a_field(record: StagedRecord | None = None, column: str = "jobtitle", **values: Any) -> StagedField:
    """Return a changed field of an edit."""
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "record_id": record.id if record else uuid.uuid4(),
        "column": column,
        "original": "Buyer",
        "proposed": "Head",
        "original_label": "",
        "proposed_label": "",
        "decision": 410000000,
        "decision_id": "",
        "applied": None,
        "decided_by": "",
        "decided_on": None,
        "reason": "",
        "state": 0,
        "version": 1,
        "etag": 'W/"1"',
    }
    return StagedField(**{**defaults, **values})


@transaction.atomic
def store(record: StagedRecord, *fields: StagedField) -> None:
    """Store one edit as a pull does, and show it."""
    stored = store_fields(fields, generation=0)
    edits = store_records([record], generation=0)
    SyncRecord.objects.recount(stored.uncounted | edits.uncounted)
    visibility.show(stored.records | edits.records, records_arrivals=True)


def a_page(*rows: Any, deleted: tuple[uuid.UUID, ...] = (), next_link: str = "", delta_link: str = "delta") -> Any:
    """Return a page of either table; it is the last one unless it has a next link."""
    return ChangePage(rows, deleted, next_link, "" if next_link else delta_link)
