"""The result columns of a query: columns, aggregates and groups ("Select columns", "Aggregate data using FetchXml")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import CURRENCY, Column, Kind
from dataverse_sandbox.catalog.columns import NUMBERS
from dataverse_sandbox.fetchxml.parsing import bad
from dataverse_sandbox.fetchxml.query import Attribute, Fetch, Node
from dataverse_sandbox.fetchxml.sources import ID_KINDS, Source, collated

_DATE_PARTS = {
    "day": "CAST(strftime('%d', {0}) AS INTEGER)",
    "week": "(strftime('%j', {0}) + strftime('%w', {0}, 'start of year') - 1) / 7 + 1",
    "month": "CAST(strftime('%m', {0}) AS INTEGER)",
    "quarter": "(strftime('%m', {0}) + 2) / 3",
    "year": "CAST(strftime('%Y', {0}) AS INTEGER)",
}
_FISCAL = frozenset({"fiscal-period", "fiscal-year"})


@dataclass(frozen=True)
class Output:
    """A property of the result; `counts` marks a count, as opposed to a value of the column."""

    name: str
    source: Source
    column: Column
    sql: str
    is_plain: bool = False
    counts: bool = False
    is_returned: bool = True


def output(fetch: Fetch, source: Source, attribute: Attribute, *, is_root: bool) -> Output:
    """Return the property for an attribute. Raises ApiError 400."""
    column = source.column(attribute.name)
    expression = source.expression(column)
    if fetch.aggregate:
        return _aggregated(source, column, expression, attribute)
    if attribute.aggregate or attribute.groupby:
        raise bad("An aggregate or groupby attribute needs aggregate='true' on fetch.")
    name = attribute.alias or (column.wire_name if is_root else f"{source.alias}.{column.name}")
    if fetch.flat_names and not attribute.alias:
        name = column.name
    return Output(name, source, column, expression, is_plain=is_root and not attribute.alias)


def attributes(fetch: Fetch, node: Node, source: Source, *, is_root: bool) -> Iterator[Attribute]:
    """Return the node's attributes; without any, all columns of the first table and none of a linked one."""
    wants_all = node.all_attributes or (is_root and not node.attributes and not fetch.flat_names)
    if wants_all and fetch.aggregate:
        raise bad("An aggregate query names its attributes.")
    yield from node.attributes
    if wants_all:
        yield from (Attribute(column.name) for column in source.table.columns if column.readable)
    elif is_root and not (fetch.aggregate or fetch.distinct):
        yield Attribute(source.table.key.name)
        has_money = any(source.column(attribute.name).kind is Kind.MONEY for attribute in node.attributes)
        if has_money and CURRENCY.key.name in source.table.by_name:
            yield Attribute(CURRENCY.key.name)


def _aggregated(source: Source, column: Column, expression: str, attribute: Attribute) -> Output:
    if not attribute.alias:
        raise bad(f"The aggregate attribute '{attribute.name}' lacks an alias.")
    if attribute.groupby:
        is_part = bool(attribute.dategrouping)
        sql = grouped(source, column, attribute)
        return Output(attribute.alias, source, column, sql, counts=is_part, is_returned=attribute.is_returned)
    function = attribute.aggregate
    if function == "count":
        return Output(attribute.alias, source, column, "count(*)", counts=True)
    if function == "countcolumn":
        distinct = "DISTINCT " if attribute.distinct else ""
        counted = f"count({distinct}{collated(column, expression)})"
        return Output(attribute.alias, source, column, counted, counts=True)
    return Output(attribute.alias, source, column, _calculated(column, collated(column, expression), function))


def _calculated(column: Column, expression: str, function: str) -> str:
    if function not in ("min", "max", "sum", "avg"):
        raise bad(f"'{function}' is not an aggregate function.")
    if function in ("min", "max") and column.kind not in ID_KINDS:
        return f"{function}({expression})"
    if column.kind not in NUMBERS:
        raise bad(f"'{function}' takes a number; '{column.name}' is none.")
    if function == "sum":
        return f"coalesce(sum({expression}), 0)"
    return f"CAST(avg({expression}) AS INTEGER)" if column.kind is Kind.INTEGER else f"avg({expression})"


def grouped(source: Source, column: Column, attribute: Attribute) -> str:
    """Return the expression to group by: the value, or a part of a date."""
    expression = source.expression(column)
    if column.kind not in (Kind.DATE, Kind.DATE_TIME):
        if attribute.dategrouping:
            raise bad(f"'{column.name}' is not a date, so it has no dategrouping.")
        return expression
    if attribute.dategrouping in _FISCAL:
        raise errors.unknown(f"the dategrouping '{attribute.dategrouping}'")
    if attribute.dategrouping not in _DATE_PARTS:
        raise bad(f"'{attribute.dategrouping[:40]}' is not a dategrouping; '{column.name}' is grouped by one.")
    return _DATE_PARTS[attribute.dategrouping].format(expression)
