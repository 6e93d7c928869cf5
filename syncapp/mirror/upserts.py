"""Bulk inserts and updates from plain mappings, in one statement; columns that a row does not name stay unchanged.

`bulk_create` prepares every column of every model instance in Python, which takes longer than the database's own work;
`python -m benches mirror` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model, QuerySet, Value

Row = Mapping[str, Any]
Fields = list["Field[Any, Any]"]
_NATIVE_TYPES = (str, int, type(None))


def upsert(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert the rows, or update the named columns of rows whose primary key exists.

    All rows name the same columns, the primary key (a UUID) first. New rows get the model's defaults in the others.
    """
    if rows:
        key, *others = (_quoted(field) for field in _named_fields(model, rows))
        _insert(model, rows, f"ON CONFLICT ({key}) DO UPDATE SET " + ", ".join(f"{c} = EXCLUDED.{c}" for c in others))


def insert_missing(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert the rows whose primary key does not exist."""
    if rows:
        _insert(model, rows, "ON CONFLICT DO NOTHING")


def update(model: type[Model], rows: Sequence[Row]) -> None:
    """Update the named columns of existing rows; each row names its primary key first."""
    if not rows:
        return
    named = _named_fields(model, rows)
    key, *others = named
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = ", ".join(f"{connection.ops.quote_name(field.attname)} {_type(field)}" for field in named)
            change = ", ".join(
                f"{_quoted(field)} = incoming.{connection.ops.quote_name(field.attname)}" for field in others
            )
            source = f"json_to_recordset(%s::json) AS incoming ({types})"
            same = f"{table}.{_quoted(key)} = incoming.{connection.ops.quote_name(key.attname)}"
            cursor.execute(f"UPDATE {table} SET {change} FROM {source} WHERE {same}", [json.dumps(rows, default=str)])  # noqa: S608  (the model's own names)
        else:
            change = ", ".join(f"{_quoted(field)} = %s" for field in others)
            values = [[*row[1:], row[0]] for row in _values(named, rows)]
            cursor.executemany(f"UPDATE {table} SET {change} WHERE {_quoted(key)} = %s", values)  # noqa: S608  (the model's own names)


def insert(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert new rows, which all name the same columns; the database assigns primary keys."""
    if rows:
        _insert(model, rows, "")


def insert_from(model: type[Model], source: QuerySet[Any], columns: Mapping[str, Any]) -> None:
    """Insert a row for each row of `source`, within the database; `columns` maps our columns to its expressions."""
    fields = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
    defaults = {name: Value(field.get_default(), field) for name, field in fields.items() if name not in columns}
    expressions = {f"new_{name}": expression for name, expression in {**columns, **defaults}.items()}
    query = source.order_by().annotate(**expressions).values_list(*expressions)
    select, parameters = query.query.get_compiler(connection=connection).as_sql()
    into = ", ".join(_quoted(fields[name.removeprefix("new_")]) for name in expressions)
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute(f"INSERT INTO {table} ({into}) {select}", parameters)


def _insert(model: type[Model], rows: Sequence[Row], conflict: str) -> None:
    named = _named_fields(model, rows)
    unnamed = [
        field for field in model._meta.concrete_fields if field not in named and not isinstance(field, AutoField)
    ]
    into = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)}"
    into += f" ({', '.join(map(_quoted, named + unnamed))})"
    defaults = [_prepared(field, field.get_default()) for field in unnamed]
    # A fixed order prevents deadlocks between two writers of overlapping rows.
    ordered = sorted(rows, key=lambda row: row[named[0].attname].int) if conflict else rows
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One JSON text is the fastest format for both Python and the server.
            names = [connection.ops.quote_name(field.attname) for field in named]
            types = ", ".join(f"{name} {_type(field)}" for name, field in zip(names, named, strict=True))
            columns = ", ".join([f"incoming.{name}" for name in names] + [f"%s::{_type(field)}" for field in unnamed])
            source = f"json_to_recordset(%s::json) AS incoming ({types})"
            statement = f"{into} SELECT {columns} FROM {source} {conflict}"  # noqa: S608  (the model's own names)
            cursor.execute(statement, [*defaults, json.dumps(ordered, default=str)])
        else:
            # One prepared statement, which runs for each row inside the SQLite library.
            marks = ", ".join(["%s"] * (len(named) + len(unnamed)))
            values = [row + defaults for row in _values(named, ordered)]
            cursor.executemany(f"{into} VALUES ({marks}) {conflict}", values)


def _named_fields(model: type[Model], rows: Sequence[Row]) -> Fields:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in rows[0]]


def _values(named: Fields, rows: Sequence[Row]) -> list[list[Any]]:
    columns = [(field, field.attname) for field in named]
    return [[_prepared(field, row[name]) for field, name in columns] for row in rows]


def _prepared(field: Field[Any, Any], value: Any) -> Any:
    return value if type(value) in _NATIVE_TYPES else field.get_db_prep_save(value, connection)


def _quoted(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))


def _type(field: Field[Any, Any]) -> str:
    """Return the column's type without its length, because a cast to a length would silently truncate long text."""
    return str(field.db_type(connection)).partition("(")[0]
