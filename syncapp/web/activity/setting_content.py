"""The stored value of a setting, in words."""

from __future__ import annotations

import json
from typing import Any

from syncapp.mirror import columns
from syncapp.text.localization import number

_UNITS = {"undo_seconds": "s", "overdue_hours": "h"}


def in_words(name: str, stored: str | None) -> str | None:
    """Return a setting's text in the audit log as people read it: "on", "48 h", the names in a list."""
    if stored is None:
        return None
    try:
        value = json.loads(stored)
    except ValueError:
        return stored  # a text, such as an address
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{number(value)} {_UNITS.get(name, '')}".strip()
    if isinstance(value, list):
        return "; ".join(map(_row, value))
    return stored


def _row(row: Any) -> str:
    """Return a reason's wording, or the name of a group with its fields."""
    if not isinstance(row, dict):
        return str(row)
    if "columns" not in row:
        return str(row.get("words", ""))
    labels = columns.labels("contact")
    return f"{row.get('name', '')}: {', '.join(labels.get(each, each) for each in row['columns'])}"
