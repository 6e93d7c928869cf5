"""Warnings: reasons to check a field separately before it is decided together with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import conversion
from syncapp.models import SyncField
from syncapp.review.diff import values
from syncapp.review.diff.shortening import MAX_LENGTH
from syncapp.text import characters


class FieldWarning(StrEnum):
    """A reason to check a field, in the order in which pages list them."""

    HIDDEN = "hidden"
    MIXED = "mixed"
    CHANGED = "changed"
    LONG = "long"


WORDS = {
    FieldWarning.HIDDEN: "hidden characters",
    FieldWarning.MIXED: "mixed alphabets",
    FieldWarning.CHANGED: "changed in the CRM",
    FieldWarning.LONG: "long",
}


def is_changed_in_crm(field: SyncField, column: Column | None) -> bool:
    """Return whether the value last read from the CRM differs from the one that staging left.

    The values are compared as the column's type requires. Bulk decisions and rules leave such a
    field out, because they are based on the earlier value.
    """
    return field.crm_now_read_at is not None and not may_be_left_by_staging(field, column, field.crm_now_value)


def may_be_left_by_staging(field: SyncField, column: Column | None, value: str | None) -> bool:
    """Return whether staging may have left this value in the CRM, compared as the column's type requires."""
    kind = column.type if column is not None else ColumnType.TEXT
    if conversion.same(kind, value, field.staged_value):
        return True
    # An edit counts as not restored if any of its fields is not, although the others may hold their originals again.
    is_original = not field.has_unknown_original and conversion.same(kind, value, field.original_value)
    return is_original and not field.record.is_restored


def warnings_for(field: SyncField, column: Column | None) -> tuple[FieldWarning, ...]:
    """Return the warnings about an undecided field: problems that people would overlook in a list."""
    text = values.format_value(column, field.proposed_value, field.proposed_label)
    found = {
        FieldWarning.HIDDEN: characters.has_hidden_characters(text),
        FieldWarning.MIXED: bool(characters.mixed_scripts(text)),
        FieldWarning.CHANGED: is_changed_in_crm(field, column),
        FieldWarning.LONG: len(text) > MAX_LENGTH,
    }
    return tuple(warning for warning, applies in found.items() if applies)


def summarize(warnings_by_field: Iterable[Iterable[str]]) -> str:
    """Count the warnings of many fields in words, such as "hidden characters 1, long 2"; '' if there are none."""
    counted = Counter(warning for warnings in warnings_by_field for warning in warnings)
    return ", ".join(f"{WORDS[each]} {counted[each]}" for each in FieldWarning if counted[each])
