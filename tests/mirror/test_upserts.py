"""Bulk inserts and updates: named columns are written, others keep their values or defaults."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DataError, connection

from syncapp.mirror import upserts
from syncapp.models import SyncField, SyncRecord
from tests.support.factories import EDITED_ON, make_field, make_record

pytestmark = pytest.mark.django_db


def a_row(record: SyncRecord, **values: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4(), "record_id": record.pk, "column_name": "jobtitle", "proposed_value": "Head", **values}


def test_new_row_gets_defaults_in_unnamed_columns() -> None:
    row = a_row(make_record())

    upserts.upsert(SyncField, [row])

    stored = SyncField.objects.get(pk=row["id"])
    assert (stored.decision, stored.delivery, stored.revision) == ("pending", "none", 0)
    assert (stored.original_value, stored.original_label, stored.contact_is_gone) == (None, "", False)


def test_existing_row_keeps_unnamed_columns() -> None:
    field = make_field(decision="approved", delivery="waiting", revision=3, original_value="Buyer")

    upserts.upsert(SyncField, [a_row(field.record, id=field.pk, proposed_value="Chief")])

    field.refresh_from_db()
    assert field.proposed_value == "Chief"
    assert (field.decision, field.delivery, field.revision, field.original_value) == ("approved", "waiting", 3, "Buyer")


def test_insert_missing_keeps_existing_rows() -> None:
    held, missing = make_record(name="Marta"), uuid.uuid4()

    upserts.insert_missing(SyncRecord, [{"id": pk, "is_stub": True} for pk in (held.pk, missing)])

    assert SyncRecord.objects.get(pk=missing).is_stub
    assert not SyncRecord.objects.get(pk=held.pk).is_stub


def test_every_type_round_trips() -> None:
    row = {"id": uuid.uuid4(), "target_id": uuid.uuid4(), "edited_on": EDITED_ON, "is_stub": False, "version": 2**40}

    upserts.upsert(SyncRecord, [row, {**row, "id": uuid.uuid4(), "target_id": None, "edited_on": None}])

    stored = SyncRecord.objects.values(*row).get(pk=row["id"])
    assert stored == row
    assert SyncRecord.objects.filter(target_id=None, edited_on=None).count() == 1


def test_unusual_texts_round_trip() -> None:
    texts = ['{a,"b"}', "NULL", "a\\b", "%s", "ليلى", "", "two\nlines", "'"]
    rows = [a_row(make_record(), proposed_value=text) for text in texts]

    upserts.upsert(SyncField, rows)

    stored = dict(SyncField.objects.values_list("pk", "proposed_value"))
    assert [stored[row["id"]] for row in rows] == texts


def test_too_long_text_raises_instead_of_truncating() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's columns have no length")

    with pytest.raises(DataError):
        upserts.upsert(SyncField, [a_row(make_record(), column_name="x" * 129)])


def test_empty_upsert_sends_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        upserts.upsert(SyncField, [])
        upserts.insert_missing(SyncRecord, [])
