"""Factories with sensible defaults for edits, fields, CRM users and columns."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType, staged_field_id
from syncapp.mirror import columns
from syncapp.mirror.edits import search_words
from syncapp.models import CrmUser, Restore, SyncField, SyncRecord
from syncapp.models.capture.entry import Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.folding import search_key

EDITED_ON = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def make_editor(name: str = "Jonas Weber", **values: Any) -> CrmUser:
    """Return the CRM user with this name, who edits in Outlook; with an Entra id unless None is given."""
    pk = uuid.uuid5(uuid.NAMESPACE_DNS, f"crm-user-{name}")
    entra_id = uuid.uuid5(uuid.NAMESPACE_DNS, f"entra-{name}")
    defaults = {"name": name, "name_key": search_key(name), "entra_id": entra_id, "read_at": timezone.now(), **values}
    return CrmUser.objects.update_or_create(pk=pk, defaults=defaults)[0]


def make_record(name: str = "Marta Villanueva", *, editor: CrmUser | None = None, **values: Any) -> SyncRecord:
    """Create a mirrored Outlook edit."""
    editor = editor or make_editor()
    defaults = {
        "id": uuid.uuid4(),
        "name": name,
        "name_key": search_key(name),
        "target_table": "contact",
        "target_id": uuid.uuid4(),
        "editor_id": editor.pk,
        "editor_name": editor.name,
        "editor_key": search_key(editor.name),
        "edited_on": EDITED_ON,
    }
    record = SyncRecord(**{**defaults, **values})
    record.search_words = record.words_to_search
    record.save(force_insert=True)
    search_words.add({record.pk: record.search_words}, {})
    return record


def make_field(record: SyncRecord | None = None, column: str = "jobtitle", **values: Any) -> SyncField:
    """Create a changed field and update its record's counts."""
    record = record or make_record()
    defaults = {"id": uuid.uuid4(), "original_value": "Buyer", "proposed_value": "Head of Procurement", "version": 1}
    field = SyncField.objects.create(record=record, column_name=column, **{**defaults, **values})
    search_words.add_addresses([(record.pk, (field.original_value, field.proposed_value))])
    SyncRecord.objects.recount([record.pk])
    record.refresh_from_db()
    return field


def make_newer_edit(field: SyncField, *, proposed: str = "Chief", minutes: int = 5) -> SyncField:
    """Create a later edit of the same contact and column."""
    record = field.record
    edited_on = (record.edited_on or EDITED_ON) + timedelta(minutes=minutes)
    newer = make_record(record.name, target_id=record.target_id, edited_on=edited_on)
    return make_field(newer, field.column_name, proposed_value=proposed, version=field.version + 1)


CONTACT_COLUMNS = (
    Column("contact", "jobtitle", "Job Title", ColumnType.TEXT, max_length=100),
    Column("contact", "telephone1", "Business Phone", ColumnType.TEXT, max_length=50),
    Column("contact", "emailaddress1", "Email", ColumnType.TEXT, max_length=100),
    Column("contact", "birthdate", "Birthday", ColumnType.DATE),
)


def store_columns(*more: Column) -> None:
    """Store the contact's columns as the mirror would."""
    columns.store("contact", (*CONTACT_COLUMNS, *more))


def make_captured(column: str = "jobtitle", *, is_restored: bool = True, **values: Any) -> tuple[SyncField, Restore]:
    """Create an edit that capture staged, with its field, and the result of restoring that field."""
    audit_id, now = uuid.uuid4(), timezone.now()
    record = make_record(source="audit", operation_id=str(audit_id), is_restored=is_restored)
    field = make_field(record, column, id=staged_field_id(audit_id, column))
    result = RestoreResult.RESTORED if is_restored else RestoreResult.NOT_RESTORED
    defaults = {
        "value_found": field.proposed_value,
        "value_restored": field.original_value if is_restored else None,
        "happened_at": now - timedelta(seconds=9),
        "done_at": now,
        "live_seconds": 9.0 if is_restored else None,
        "reason": "" if is_restored else "gap",
    }
    row = {"contact_id": record.target_id, "column_name": column, "audit_id": audit_id, "source": Source.OUTLOOK}
    return field, Restore.objects.create(**row, result=result, **{**defaults, **values})
