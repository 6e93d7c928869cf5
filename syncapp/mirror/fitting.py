"""Values that the CRM may hold but a column of ours cannot: found before the database refuses a whole page for one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, Field, IntegerField, Model

_Limit = tuple[str, bool, int, int]


def fit(model: type[Model], rows: Sequence[dict[str, Any]]) -> None:
    """Empty each value that its column cannot hold, and say so in the row's "unreadable", which all rows name."""
    if not rows:
        return
    limits = _limits(model, tuple(rows[0]))
    fields = {field.attname: field for field in model._meta.concrete_fields}
    for row in rows:
        for name, is_text, least, most in limits:
            value = row[name]
            if value is not None and not least <= (len(value) if is_text else value) <= most:
                row[name] = fields[name].get_default()
                words = name.replace("_", " ")
                why = f"is longer than {most} characters" if is_text else f"is not between {least} and {most}"
                row["unreadable"] = row["unreadable"] or f"The CRM's value of the {words} {why}."
        row["unreadable"] = row["unreadable"][:300]


@cache
def _limits(model: type[Model], names: tuple[str, ...]) -> tuple[_Limit, ...]:
    """Of each column with a limit: its name, whether it holds text, and how short and long, or small and large."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    found = [(name, _limit(by_name[name])) for name in names if name != "unreadable"]
    return tuple((name, *limit) for name, limit in found if limit)


def _limit(field: Field[Any, Any]) -> tuple[bool, int, int] | None:
    if isinstance(field, CharField) and field.max_length is not None:
        return (True, 0, field.max_length)
    if isinstance(field, IntegerField):
        # PostgreSQL's ranges, also where SQLite would take more: both keep the same rows.
        return (False, *BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()])
    return None
