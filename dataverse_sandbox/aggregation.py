"""`$apply`: rows grouped and aggregated ("Aggregate data using OData").

A pipeline of `filter(...)`, then `groupby((columns),aggregate(...))` or `aggregate(...)`. As documented: at most 50,000
rows, no grouping by dates with a time, no `$orderby` on an aggregate.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from dataverse_sandbox import errors, expansion_syntax, filters, messages, odata, paging, reading, skiptoken, values
from dataverse_sandbox.catalog import BY_NAME, Column, Kind
from dataverse_sandbox.conditions import Condition, both
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.fetchxml.sources import lookup_name
from dataverse_sandbox.filters import Scope
from dataverse_sandbox.messages import Request
from dataverse_sandbox.operands import Operand
from dataverse_sandbox.paging import Place

MAX_ROWS = 50_000
_OPTIONS = frozenset({"$apply", "$filter", "$orderby", "$top", "tag"})
_STEP = re.compile(r"^(\w+)\((.*)\)$", re.DOTALL)
_AGGREGATE = re.compile(r"^(?:(\$count)|([\w/]+)\s+with\s+(\w+))\s+as\s+([A-Za-z_]\w{0,60})$", re.ASCII)
_METHODS = {"sum": "sum", "average": "avg", "min": "min", "max": "max", "countdistinct": "count"}
_SUMMED = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY})


@dataclass(frozen=True)
class Output:
    """One value of a group: its name in the answer, its SQL, and the column that determines its form; a count has none.

    `path` is its name in `$orderby`; `label` is the SQL of a lookup's label.
    """

    name: str
    sql: str
    column: Column | None = None
    grouped: Operand | None = None
    path: str = ""
    label: str = ""


@dataclass(frozen=True)
class Pipeline:
    where: Condition
    outputs: tuple[Output, ...]


def answer(connection: sqlite3.Connection, place: Place, request: Request) -> dict[str, object]:
    paging.check_options(request, _OPTIONS)
    pipeline = _parse(place, request)
    _refuse_too_many(connection, place, pipeline.where)
    sql = [f"{output.sql} AS a{index}" for index, output in enumerate(pipeline.outputs)]
    sql += [f"{output.label} AS n{index}" for index, output in enumerate(pipeline.outputs) if output.label]
    grouped = [output.sql for output in pipeline.outputs if output.grouped]
    statement = f"SELECT {', '.join(sql)} FROM {place.table.name} WHERE {pipeline.where.sql}"  # noqa: S608 - catalog
    if grouped:
        statement += f" GROUP BY {', '.join(_collated(output) for output in pipeline.outputs if output.grouped)}"
    statement += _order(pipeline, request)
    found = connection.execute(
        f"{statement} LIMIT {skiptoken.page_size(request)}", pipeline.where.parameters
    ).fetchall()
    formatted = messages.wants(request.annotations, reading.FORMATTED)
    items = [_item(pipeline, row, formatted=formatted) for row in found]
    return {"@odata.context": paging.context(request, place.path, None), "value": items}


def _collated(output: Output) -> str:
    return output.grouped.compared if output.grouped else output.sql


def _item(pipeline: Pipeline, row: sqlite3.Row, *, formatted: bool) -> dict[str, object]:
    """Return the JSON of one group, without empty values, as in the documentation's examples."""
    found: dict[str, object] = {}
    for index, output in enumerate(pipeline.outputs):
        value = row[f"a{index}"]
        if value is None:
            continue
        text = _formatted(output, value, row[f"n{index}"] if output.label else None) if formatted else None
        found |= {f"{output.name}@{reading.FORMATTED}": text} if text is not None else {}
        found[output.name] = values.wire(output.column, value) if output.column else value
    return found


def _formatted(output: Output, value: object, name: str | None) -> str | None:
    if output.column is None:
        return f"{value:,}"
    return values.formatted(output.column, value, name=name) if values.has_formatted_value(output.column) else None


def _refuse_too_many(connection: sqlite3.Connection, place: Place, where: Condition) -> None:
    inner = f"SELECT 1 FROM {place.table.name} WHERE {where.sql} LIMIT {MAX_ROWS + 1}"  # noqa: S608 - catalog
    statement = f"SELECT count(*) FROM ({inner})"  # noqa: S608 - as above
    if connection.execute(statement, where.parameters).fetchone()[0] > MAX_ROWS:
        message = f"The maximum record limit of {MAX_ROWS} is exceeded. Reduce the number of records."
        raise ApiError(400, "0x8004E023", f"AggregateQueryRecordLimit exceeded. {message}")


def _parse(place: Place, request: Request) -> Pipeline:
    scope = Scope(place.table, place.table.name, request.rights, request.parameters)
    where, outputs = paging.wanted(place, request), None
    for step in expansion_syntax.split(request.options["$apply"], "/"):
        match = _STEP.match(step)
        if match is None or outputs is not None:
            raise errors.bad_query(f"'{step[:80]}' cannot stand here in $apply.")
        if match[1] == "filter":
            where = both(where, filters.translated(scope, odata.parse(match[2])))
        elif match[1] == "groupby":
            outputs = _group(scope, match[2])
        elif match[1] == "aggregate":
            outputs = tuple(_aggregate(scope, part) for part in expansion_syntax.split(match[2], ","))
        else:
            raise errors.unknown(f"'{match[1][:40]}' in $apply")
    if not outputs:
        raise errors.bad_query("$apply groups or aggregates.")
    if len({output.name for output in outputs}) < len(outputs):
        raise errors.bad_query("Two results of $apply have the same name.")
    return Pipeline(where, outputs)


def _group(scope: Scope, text: str) -> tuple[Output, ...]:
    columns, *rest = expansion_syntax.split(text, ",")
    if not (columns.startswith("(") and columns.endswith(")")) or len(rest) > 1:
        raise errors.bad_query("groupby has the form groupby((columns),aggregate(...)).")
    found = [_grouped(scope, name) for name in expansion_syntax.split(columns[1:-1], ",")]
    for step in rest:
        match = _STEP.match(step)
        if match is None or match[1] != "aggregate":
            raise errors.bad_query("Within groupby only aggregate(...) is possible.")
        found += [_aggregate(scope, part) for part in expansion_syntax.split(match[2], ",")]
    if not found:
        raise errors.bad_query("groupby needs a column.")
    return tuple(found)


def _grouped(scope: Scope, name: str) -> Output:
    path = _path(name)
    operand = scope.operand(path)
    if operand.column.kind is Kind.DATE_TIME:
        raise errors.bad_query("Grouping by a date with a time is not supported.")
    return Output(_named(scope, path), operand.sql, operand.column, operand, path.text, _label(scope, operand))


def _named(scope: Scope, path: odata.Path) -> str:
    """Name an aggregated path as Dataverse does: `primarycontactid/fullname` becomes `contact_fullname`."""
    *steps, column = path.names
    table = scope.table
    for step in steps:
        table = BY_NAME[table.navigations[step][1][0]]
    return f"{table.name}_{column}" if steps else column


def _label(scope: Scope, operand: Operand) -> str:
    if operand.column.kind is not Kind.LOOKUP or not operand.sql.startswith(f"{scope.alias}."):
        return ""
    return lookup_name(operand.column, operand.sql, f"{scope.alias}.{operand.column.type_column}")


def _path(name: str) -> odata.Path:
    node = odata.parse(name)
    if not isinstance(node, odata.Path):
        raise errors.bad_query(f"'{name[:60]}' is not a column.")
    return node


def _aggregate(scope: Scope, text: str) -> Output:
    match = _AGGREGATE.match(" ".join(text.split()))
    if match is None:
        raise errors.bad_query(f"'{text[:80]}' is not an aggregate such as 'creditlimit with sum as total'.")
    if match[1]:
        return Output(match[4], "count(*)")
    method = _METHODS.get(match[3])
    if method is None:
        raise errors.unknown(f"the aggregation '{match[3][:40]}'")
    operand = scope.operand(_path(match[2]))
    if match[3] in ("sum", "average") and operand.column.kind not in _SUMMED:
        raise errors.bad_query(f"'{operand.column.name}' is not a number.")
    if match[3] == "countdistinct":
        return Output(match[4], f"count(DISTINCT {operand.compared})")
    return Output(match[4], f"{method}({operand.compared})", operand.column)


def _order(pipeline: Pipeline, request: Request) -> str:
    found = []
    for part in expansion_syntax.split(request.options.get("$orderby", ""), ","):
        name, *direction = part.split()
        output = next((output for output in pipeline.outputs if name in (output.path, output.name)), None)
        if output is None or direction not in ([], ["asc"], ["desc"]):
            raise errors.bad_query(f"Syntax error in $orderby: '{part[:80]}'.")
        if output.grouped is None:
            raise errors.bad_query("The query node SingleValueOpenPropertyAccess is not supported")
        found.append(f"{_collated(output)} {'DESC' if direction == ['desc'] else 'ASC'}")
    return f" ORDER BY {', '.join(found)}" if found else ""
