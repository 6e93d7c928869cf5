"""FetchXML conditions on dates, in words: spans such as "next 7 days", and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from syncapp.sync_filters.fetch_words.vocabulary import (
    DATE_NOUNS,
    DATE_PREFIXES,
    DATE_SPANS,
    TEXT_COLUMNS,
    column_label,
)

# The phrase if the value is a day, and the phrase if it names a time of day.
_COMPARISONS = {
    "eq": ("on {0}", "at {0}"),
    "ne": ("not on {0}", "not at {0}"),
    "neq": ("not on {0}", "not at {0}"),
    "ge": ("on or after {0}", "at or after {0}"),
    "gt": ("after {0}", "after {0}"),
    "le": ("on or before {0}", "at or before {0}"),
    "lt": ("before {0}", "before {0}"),
    "between": ("between {0} and {1}", "between {0} and {1}"),
    "not-between": ("not between {0} and {1}", "not between {0} and {1}"),
}
# With these operators, a moment at midnight reads as its day; with the others, the time decides whether that day is
# included.
_DAY_OPERATORS = ("ge", "lt", "on", "not-on", "on-or-after", "on-or-before")


def date_words(table: str, name: str, operator: str, values: Sequence[str]) -> str:
    """Put a condition on a date into words; return '' if there are no words for it."""
    if operator in ("null", "not-null"):
        noun = _look_up(DATE_NOUNS, table, name)
        return f"{'without' if operator == 'null' else 'with'} {noun}" if noun and not values else ""
    span = DATE_SPANS.get(operator)
    if span is not None:
        if ("{n}" in span) != (len(values) == 1):
            return ""
        return f"{_prefix(table, name)} {span.format(n=_format_date(values[0], operator)) if values else span}"
    phrases = _COMPARISONS.get(operator)
    if not phrases or not all(map(_parse, values)) or len(values) != (2 if "between" in operator else 1):
        return ""
    if not _look_up(DATE_PREFIXES, table, name) and (operator in ("eq", "ne", "neq") or name in TEXT_COLUMNS):
        return ""
    dates = [_format_date(value, operator) for value in values]
    return f"{_prefix(table, name)} {phrases[' ' in dates[0]].format(*dates)}"


def _prefix(table: str, name: str) -> str:
    return _look_up(DATE_PREFIXES, table, name) or f"whose {column_label(name)} is"


def _look_up(words: dict[tuple[str, str], str], table: str, name: str) -> str:
    return words.get((table, name)) or words.get(("", name), "")


def _parse(value: str) -> datetime | None:
    if len(value) < len("2026-01-15") or value[4:5] != "-":
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _format_date(value: str, operator: str) -> str:
    """Return a date in its own time zone and as precisely as it was written; return other texts unchanged."""
    found = _parse(value)
    if found is None:
        return value
    day = f"{found:%Y-%m-%d}"
    if len(value.strip()) == len(day) or (found.time() == time() and operator in _DAY_OPERATORS):
        return day
    zone = "" if found.time() == time() or found.tzinfo is None else f" {found.tzname()}"
    return f"{day} {found:%H:%M}{zone}"
