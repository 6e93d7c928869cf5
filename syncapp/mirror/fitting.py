"""Values that the CRM may hold but a column of ours cannot: found before the database refuses a whole page for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, Field, IntegerField, Model

_Limit = tuple[str, bool, int, int]


def fit(model: type[Model], rows: Sequence[dict[str, Any]]) -> None:
    """Empty each value that its column cannot hold, and say so in the row's "unreadable", which all rows name."""
    for row in rows:
        problem = misfit(model, row)
        if problem:
            row |= fitted(model, row)
        row["unreadable"] = (row["unreadable"] or problem)[:300]


def misfit(model: type[Model], row: Mapping[str, Any]) -> str:
    """Return in a sentence which value its column cannot hold; '' where all fit."""
    for name, is_text, least, most in _limits(model, tuple(row)):
        if not _fits(row[name], is_text, least, most):
            why = f"is longer than {most} characters" if is_text else f"is not between {least} and {most}"
            return f"The CRM's value of {name.replace('_', ' ')} {why}."
    return ""


def fitted(model: type[Model], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with defaults in place of the values that their columns cannot hold."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    limits = _limits(model, tuple(row))
    bad = [name for name, is_text, least, most in limits if not _fits(row[name], is_text, least, most)]
    return {**row, **{name: fields[name].get_default() for name in bad}}


def _fits(value: Any, is_text: bool, least: int, most: int) -> bool:
    return value is None or least <= (len(value) if is_text else value) <= most


@cache
def _limits(model: type[Model], names: tuple[str, ...]) -> tuple[_Limit, ...]:
    """Return each column with a limit: its name, whether it holds text, and its least and greatest length or value."""
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
