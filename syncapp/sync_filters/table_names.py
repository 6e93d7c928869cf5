"""Names of tables as people type them: upper or lower case, singular or plural, by name, label or type code."""

from __future__ import annotations

import re
from collections.abc import Iterable

from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, table_label

# A table's type code (entity reference pages, "Object type code"), by which older tools and databases name it.
TYPE_CODES = {
    "appointment": 4201,
    "serviceappointment": 4214,
    "recurringappointmentmaster": 4251,
    "contact": 2,
    "task": 4212,
    "phonecall": 4210,
    "letter": 4207,
    "fax": 4204,
}
_GROUPS = {
    "appointments": APPOINTMENT_TABLES,
    "allappointments": APPOINTMENT_TABLES,
    "other": ("phonecall", "letter", "fax"),
}
_MORE_WORDS = {
    "serviceactivity": "serviceappointment",
    "serviceactivities": "serviceappointment",
    "recurringappointment": "recurringappointmentmaster",
    "recurringappointments": "recurringappointmentmaster",
    "series": "recurringappointmentmaster",
    "recurringseries": "recurringappointmentmaster",
    "call": "phonecall",
    "calls": "phonecall",
    "faxes": "fax",
}
_SEPARATORS = re.compile(r"[\s,;|]+")
_NON_WORD = re.compile(r"[\W_]+")
KNOWN_TABLES = ", ".join(f"{table} ({code})" for table, code in TYPE_CODES.items())


def tables_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return the tables that these words name, each once; "appointments" names three. Raises ValueError."""
    found: dict[str, None] = {}
    unknown: list[str] = []
    for word in words:
        parts = [word] if _find_tables(word) else [part for part in _SEPARATORS.split(word) if part]
        for part in parts:
            tables = _find_tables(part)
            found |= dict.fromkeys(tables)
            unknown += [] if tables else [part]
    if unknown or not found:
        raise ValueError(
            f"Unknown tables: {', '.join(unknown) or 'none named'}; known tables: {KNOWN_TABLES}, and appointments."
        )
    return tuple(found)


def _find_tables(word: str) -> tuple[str, ...]:
    key = _NON_WORD.sub("", word).casefold()
    table = _TABLES.get(key)
    return _GROUPS.get(key) or ((table,) if table else ())


_TABLES = {
    word: table
    for table, code in TYPE_CODES.items()
    for label in [_NON_WORD.sub("", table_label(table)).casefold()]
    for word in (table, f"{table}s", label, f"{label}s", str(code))
} | _MORE_WORDS
