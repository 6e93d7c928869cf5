"""Proposed values that someone else has written since, such as an ERP with its own copy of contacts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from syncapp.crm.staging.records import ColumnType
from syncapp.crm.values import conversion
from syncapp.mirror import columns
from syncapp.models import CaptureValue, SyncField
from syncapp.models.capture.entry import Source
from syncapp.models.mirror.sync_field import FieldDecision

OTHER_SOURCES = (Source.FORM, Source.PROGRAM, Source.UNKNOWN)


def flag(contact_ids: Collection[UUID]) -> int:
    """Flag these contacts' undecided proposals if someone else has since written the same value; return how many."""
    pending = SyncField.objects.filter(record__target_id__in=contact_ids, decision=FieldDecision.PENDING)
    fields = list(pending.filter(echoed_at__isnull=True, record__edited_on__isnull=False).select_related("record"))
    if not fields:
        return 0
    written = CaptureValue.objects.filter(entry__contact_id__in={field.record.target_id for field in fields})
    others = written.filter(entry__source__in=OTHER_SOURCES, new_known=True).annotate(
        contact_id=F("entry__contact_id"), at=F("entry__happened_at")
    )
    found = list(others.values_list("contact_id", "column_name", "new_value", "at"))
    known = columns.of_table("contact")
    flagged = [
        field.pk
        for field in fields
        if any(
            (contact, column) == (field.record.target_id, field.column_name)
            and field.record.edited_on is not None
            and at >= field.record.edited_on
            and conversion.same(known[column].type if column in known else ColumnType.TEXT, text, field.proposed_value)
            for contact, column, text, at in found
        )
    ]
    return SyncField.objects.filter(pk__in=flagged, echoed_at__isnull=True).update(echoed_at=Now())
