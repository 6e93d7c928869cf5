"""Reasons to look at a field by itself before it is decided with others."""

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
    """One reason, in the order in which a page names them."""

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


def changed_in_crm(field: SyncField, column: Column | None) -> bool:
    """Return whether the CRM was last read with another value than the original, compared by type.

    Such a field is decided by itself: whoever decides many fields at once, or by a rule, has not seen that value.
    """
    if field.crm_now_read_at is None:
        return False
    kind = column.type if column is not None else ColumnType.TEXT
    return not conversion.same(kind, field.crm_now_value, field.original_value)


def warnings_for(field: SyncField, column: Column | None) -> tuple[FieldWarning, ...]:
    """Return everything about an undecided field that eyes miss in a list."""
    shown = values.format_value(column, field.proposed_value, field.proposed_label)
    found = {
        FieldWarning.HIDDEN: characters.hides_something(shown),
        FieldWarning.MIXED: bool(characters.mixed_scripts(shown)),
        FieldWarning.CHANGED: changed_in_crm(field, column),
        FieldWarning.LONG: len(shown) > MAX_LENGTH,
    }
    return tuple(concern for concern, holds in found.items() if holds)


def summarize(of_each: Iterable[Iterable[str]]) -> str:
    """Count the concerns of many fields in words, such as "hidden characters 1, long 2"; '' where none has any."""
    counted = Counter(concern for found in of_each for concern in found)
    return ", ".join(f"{WORDS[each]} {counted[each]}" for each in FieldWarning if counted[each])
