"""Many rows of one table in one statement, from plain mappings: the named columns are written, the others left alone.

`bulk_create` prepares every column of every model instance in Python, ours included, which takes longer than the
database's own work; `python -m benches mirror` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model, QuerySet, Value

Row = Mapping[str, Any]
Fields = list["Field[Any, Any]"]
_AS_THEY_ARE = (str, int, type(None))


def upsert(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert the rows; of one whose primary key is held, replace the columns that the rows name.

    All rows name the same columns, the primary key, a UUID, first. A new row has the model's defaults in all others.
    """
    if rows:
        key, *others = (_quoted(field) for field in _named(model, rows))
        _insert(model, rows, f"ON CONFLICT ({key}) DO UPDATE SET " + ", ".join(f"{c} = EXCLUDED.{c}" for c in others))


def insert_missing(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert the rows whose primary key is not held; those that are stay as they are."""
    if rows:
        _insert(model, rows, "ON CONFLICT DO NOTHING")


def update(model: type[Model], rows: Sequence[Row]) -> None:
    """Of each row, found by its primary key, which it names first, replace the other columns that the rows name."""
    if not rows:
        return
    named = _named(model, rows)
    key, *others = named
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = ", ".join(f"{connection.ops.quote_name(field.attname)} {_type(field)}" for field in named)
            change = ", ".join(
                f"{_quoted(field)} = arrived.{connection.ops.quote_name(field.attname)}" for field in others
            )
            source = f"json_to_recordset(%s::json) AS arrived ({types})"
            same = f"{table}.{_quoted(key)} = arrived.{connection.ops.quote_name(key.attname)}"
            cursor.execute(f"UPDATE {table} SET {change} FROM {source} WHERE {same}", [json.dumps(rows, default=str)])  # noqa: S608  (the model's own names)
        else:
            change = ", ".join(f"{_quoted(field)} = %s" for field in others)
            values = [[*row[1:], row[0]] for row in _values(named, rows)]
            cursor.executemany(f"UPDATE {table} SET {change} WHERE {_quoted(key)} = %s", values)  # noqa: S608  (the model's own names)


def insert(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert new rows, all of which name the same columns; the database gives each its primary key."""
    if rows:
        _insert(model, rows, "")


def insert_from(model: type[Model], source: QuerySet[Any], columns: Mapping[str, Any]) -> None:
    """Insert a row for each that `source` finds, within the database: `columns` says what it takes for each column."""
    fields = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
    ours = {name: Value(field.get_default(), field) for name, field in fields.items() if name not in columns}
    taken = {f"new_{name}": expression for name, expression in {**columns, **ours}.items()}
    question = source.order_by().annotate(**taken).values_list(*taken)
    select, parameters = question.query.get_compiler(connection=connection).as_sql()
    into = ", ".join(_quoted(fields[name.removeprefix("new_")]) for name in taken)
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute(f"INSERT INTO {table} ({into}) {select}", parameters)


def _insert(model: type[Model], rows: Sequence[Row], conflict: str) -> None:
    named = _named(model, rows)
    ours = [field for field in model._meta.concrete_fields if field not in named and not isinstance(field, AutoField)]
    into = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)}"
    into += f" ({', '.join(map(_quoted, named + ours))})"
    defaults = [_prepared(field, field.get_default()) for field in ours]
    # A fixed order keeps two writers of overlapping rows from waiting for each other in a circle.
    ordered = sorted(rows, key=lambda row: row[named[0].attname].int) if conflict else rows
    if connection.vendor == "postgresql":
        _insert_at_once(into, named, ordered, ours, defaults, conflict)
    else:
        _insert_one_by_one(into, _values(named, ordered), defaults, conflict)


def _insert_at_once(
    into: str, named: Fields, rows: Sequence[Row], ours: Fields, defaults: list[Any], conflict: str
) -> None:
    """All rows as one JSON text, which Python's and the server's own libraries write and read fastest."""
    names = [connection.ops.quote_name(field.attname) for field in named]
    types = ", ".join(f"{name} {_type(field)}" for name, field in zip(names, named, strict=True))
    columns = ", ".join([f"arrived.{name}" for name in names] + [f"%s::{_type(field)}" for field in ours])
    source = f"json_to_recordset(%s::json) AS arrived ({types})"
    with connection.cursor() as cursor:
        statement = f"{into} SELECT {columns} FROM {source} {conflict}"  # noqa: S608  (the model's own names)
        cursor.execute(statement, [*defaults, json.dumps(rows, default=str)])


def _insert_one_by_one(into: str, values: list[list[Any]], defaults: list[Any], conflict: str) -> None:
    """One prepared statement, run for each row inside the database's own library."""
    marks = ", ".join(["%s"] * len(values[0] + defaults))
    with connection.cursor() as cursor:
        cursor.executemany(f"{into} VALUES ({marks}) {conflict}", [row + defaults for row in values])


def _named(model: type[Model], rows: Sequence[Row]) -> Fields:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in rows[0]]


def _values(named: Fields, rows: Sequence[Row]) -> list[list[Any]]:
    columns = [(field, field.attname) for field in named]
    return [[_prepared(field, row[name]) for field, name in columns] for row in rows]


def _prepared(field: Field[Any, Any], value: Any) -> Any:
    return value if type(value) in _AS_THEY_ARE else field.get_db_prep_save(value, connection)


def _quoted(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))


def _type(field: Field[Any, Any]) -> str:
    """Without its length: a cast to one would cut a text that is too long, where storing it raises an error."""
    return str(field.db_type(connection)).partition("(")[0]
