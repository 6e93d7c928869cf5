"""Queries as data, the common form of FetchXML and the SDK's SQL ("FetchXml reference")."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """A column to return, unless it only groups; `aggregate` is a function's name, `groupby` makes it a group."""

    name: str
    alias: str = ""
    aggregate: str = ""
    groupby: bool = False
    dategrouping: str = ""
    distinct: bool = False
    is_returned: bool = True


@dataclass(frozen=True)
class OrderBy:
    """A sort order by a column, of the linked table `entity` if given, or by the result column `alias`."""

    name: str = ""
    alias: str = ""
    entity: str = ""
    descending: bool = False


@dataclass(frozen=True)
class Test:
    """One condition; `entity` names a linked table, `other` is a column to compare with ("valueof")."""

    name: str
    operator: str
    values: tuple[str, ...] = ()
    entity: str = ""
    other: str = ""


@dataclass(frozen=True)
class Filter:
    """Conditions of which all, or with `any_of` one, must hold."""

    parts: tuple[Test | Filter | Link, ...]
    any_of: bool = False


@dataclass(frozen=True)
class Node:
    """An `entity` or the inside of a `link-entity`."""

    table: str
    attributes: tuple[Attribute, ...] = ()
    all_attributes: bool = False
    orders: tuple[OrderBy, ...] = ()
    filters: tuple[Filter, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Link:
    """A `link-entity`: rows of `node` whose column `here` equals the parent's column `there`."""

    node: Node
    here: str
    there: str
    alias: str
    kind: str = "inner"


@dataclass(frozen=True)
class Fetch:
    """A whole query. `size` is the page size, `limit` the maximum number of rows of all pages.

    For SQL: `skip` is its OFFSET; `flat_names` omits the tables from column names.
    """

    root: Node
    root_alias: str = ""
    aggregate: bool = False
    distinct: bool = False
    size: int | None = None
    limit: int | None = None
    page: int = 1
    skip: int = 0
    cookie: str = ""
    counted: bool = False
    raw_order: bool = False
    aggregate_limit: int = 50_000
    flat_names: bool = False
