"""Values from the CRM that our columns cannot hold, found before the database refuses a whole page because of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, IntegerField, Model

_Limit = tuple[str, bool, int, int]


def fit(model: type[Model], rows: Sequence[dict[str, Any]]) -> None:
    """Replace values that their columns cannot hold with defaults, and note the problem in the row's "unreadable"."""
    for row in rows:
        problem = misfit(model, row)
        if problem:
            row |= fitted(model, row)
        row["unreadable"] = (row["unreadable"] or problem)[:300]


def misfit(model: type[Model], row: Mapping[str, Any]) -> str:
    """Return a sentence about the first value that its column cannot hold; '' if all fit."""
    for name, is_text, low, high in _limits(model, tuple(row)):
        if not _fits(row[name], is_text, low, high):
            problem = f"is longer than {high} characters" if is_text else f"is not between {low} and {high}"
            return f"The CRM's value of {name.replace('_', ' ')} {problem}."
    return ""


def fitted(model: type[Model], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with defaults instead of values that their columns cannot hold."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    limits = _limits(model, tuple(row))
    bad = [name for name, is_text, low, high in limits if not _fits(row[name], is_text, low, high)]
    return {**row, **{name: fields[name].get_default() for name in bad}}


def _fits(value: Any, is_text: bool, low: int, high: int) -> bool:
    return value is None or low <= (len(value) if is_text else value) <= high


@cache
def _limits(model: type[Model], names: tuple[str, ...]) -> tuple[_Limit, ...]:
    """Return each limited column: its name, whether it holds text, and its minimum and maximum length or value."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    found: list[_Limit] = []
    for name in names:
        field = by_name[name]
        if isinstance(field, CharField) and field.max_length is not None and name != "unreadable":
            found.append((name, True, 0, field.max_length))
        elif isinstance(field, IntegerField):
            # These are PostgreSQL's ranges, although SQLite accepts more, so that both databases hold the same rows.
            low, high = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
            found.append((name, False, low, high))
    return tuple(found)
