"""Parsing of FetchXML into a query. Unknown elements are refused by name, invalid ones with 400."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from dataverse_sandbox import errors
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.fetchxml.query import Attribute, Fetch, Filter, Link, Node, OrderBy, Test

FIRST_MATCH = "matchfirstrowusingcrossapply"
MAX_PAGE_SIZE = 5_000
MAX_NUMBER = 2_147_483_647
MAX_LINKS = 15
MAX_CONDITIONS = 500
MAX_VALUES = 2_000
MAX_FILTER_DEPTH = 20
INVALID_XML = "0x80040201"
TOO_MANY_LINKS = "0x8004430D"

_KNOWN = {
    "fetch": "aggregate aggregatelimit count distinct page paging-cookie returntotalrecordcount top useraworderby",
    "entity": "name",
    "link-entity": "name from to alias link-type intersect visible enableprefiltering prefilterparametername",
    "attribute": "name alias aggregate groupby dategrouping distinct",
    "order": "attribute alias entityname descending",
    "filter": "type",
    "condition": "attribute operator value valueof entityname uiname uitype uihidden",
}
# Hints for Microsoft's SQL Server and for designers, which change no result. Every user's time zone is UTC here.
_HINTS = frozenset({"version", "mapping", "output-format", "no-lock", "latematerialize", "options", "savedqueryid"}) | {
    *("hint", "usertimezone")
}
_JOINS = ("inner", "outer", "in", "exists", FIRST_MATCH)
_FILTER_LINKS = ("any", "not any", "all", "not all")


def bad(message: str, code: str = INVALID_XML) -> ApiError:
    return ApiError(400, code, message)


def parse(text: str) -> Fetch:
    """Parse FetchXML into a query. Raises ApiError 400 or 501."""
    element = root_of(text)
    if element.tag != "fetch":
        raise bad("Invalid XML: the root element is not 'fetch'.")
    _check(element)
    entities = list(element)
    if len(entities) != 1 or entities[0].tag != "entity":
        raise bad("Invalid XML: 'fetch' holds exactly one 'entity'.")
    root = _Reader().node(entities[0])
    return _checked(_fetch(element, root))


def root_of(text: str) -> Element:
    """Parse untrusted XML. Raises ApiError 400, also for a document that declares entities."""
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise bad("Invalid XML: a document type is not allowed.")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - document types, and with them entities, are refused above
    except ElementTree.ParseError as error:
        raise bad(f"Invalid XML: {error}.") from None


def _fetch(element: Element, root: Node) -> Fetch:
    return Fetch(
        root=root,
        aggregate=_flag(element, "aggregate"),
        distinct=_flag(element, "distinct"),
        size=_number(element, "count"),
        limit=_number(element, "top"),
        page=_number(element, "page") or 1,
        cookie=element.get("paging-cookie", ""),
        counted=_flag(element, "returntotalrecordcount"),
        raw_order=_flag(element, "useraworderby"),
        aggregate_limit=min(_number(element, "aggregatelimit") or 50_000, 50_000),
    )


def _checked(fetch: Fetch) -> Fetch:
    if fetch.limit is not None and (fetch.page > 1 or fetch.size is not None or fetch.counted):
        raise bad("The top attribute can't be specified with paging attributes page, count, returntotalrecordcount.")
    if max(fetch.limit or 0, fetch.size or 0) > MAX_PAGE_SIZE:
        raise bad(f"The number of rows cannot be more than {MAX_PAGE_SIZE}.")
    return fetch


def _check(element: Element) -> None:
    """Refuse unsupported attributes and children, so that nothing is silently ignored."""
    known = _KNOWN.get(str(element.tag), "").split()
    for name in element.attrib:
        if name not in known and name not in _HINTS:
            raise errors.unknown(f"the FetchXML attribute '{name}' of '{element.tag}'")


def _flag(element: Element, name: str) -> bool:
    text = element.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise bad(f"Invalid XML: '{name}' is true or false.")
    return text in ("true", "1")


def _number(element: Element, name: str) -> int | None:
    text = element.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 0 < int(text) <= MAX_NUMBER:
        raise bad(f"Invalid XML: '{name}' is a positive whole number.")
    return int(text)


def _required(element: Element, name: str) -> str:
    value = element.get(name, "").strip()
    if not value:
        raise bad(f"Invalid XML: '{element.tag}' lacks '{name}'.")
    return value


class _Reader:
    """Reader of one document; counts links, which number the default aliases, and conditions, for their limits."""

    def __init__(self) -> None:
        self._links = itertools.count(1)
        self._conditions = itertools.count(1)
        self._aliases: set[str] = set()

    def node(self, element: Element) -> Node:
        found: Mapping[str, list[Element]] = _sorted(
            element, ("attribute", "all-attributes", "order", "filter", "link-entity")
        )
        return Node(
            table=_required(element, "name"),
            attributes=tuple(map(_attribute, found["attribute"])),
            all_attributes=bool(found["all-attributes"]),
            orders=tuple(map(_order, found["order"])),
            filters=tuple(map(self._filter, found["filter"])),
            links=tuple(self._link(link, _JOINS) for link in found["link-entity"]),
        )

    def _link(self, element: Element, kinds: tuple[str, ...]) -> Link:
        number = next(self._links)
        if number > MAX_LINKS:
            raise bad("Number of link entities in query exceeded maximum limit.", TOO_MANY_LINKS)
        kind = element.get("link-type", "inner")
        if kind not in kinds:
            raise errors.unknown(f"the link-type '{kind}' here")
        here, there = _required(element, "from"), _required(element, "to")
        alias = self._alias(element, number)
        return Link(self.node(element), here, there, alias, kind)

    def _alias(self, element: Element, number: int) -> str:
        alias = element.get("alias") or f"{_required(element, 'name')}{number}"
        if alias in self._aliases:
            raise bad(f"The alias '{alias}' of a link-entity is not unique.")
        self._aliases.add(alias)
        return alias

    def _filter(self, element: Element, depth: int = 1) -> Filter:
        _check(element)
        if depth > MAX_FILTER_DEPTH:
            raise bad(f"Filters are nested more than {MAX_FILTER_DEPTH} deep.")
        kind = element.get("type", "and")
        if kind not in ("and", "or"):
            raise bad("Invalid XML: the type of a filter is 'and' or 'or'.")
        return Filter(tuple(self._part(child, depth) for child in element), any_of=kind == "or")

    def _part(self, element: Element, depth: int) -> Test | Filter | Link:
        if element.tag == "condition":
            if next(self._conditions) > MAX_CONDITIONS:
                raise errors.too_many_conditions()
            return _test(element)
        if element.tag == "filter":
            return self._filter(element, depth + 1)
        if element.tag == "link-entity":
            _check(element)
            return self._link(element, _FILTER_LINKS)
        raise bad(f"Invalid XML: '{element.tag}' in a filter.")


def _sorted(element: Element, tags: tuple[str, ...]) -> dict[str, list[Element]]:
    _check(element)
    found: dict[str, list[Element]] = {tag: [] for tag in tags}
    for child in element:
        if child.tag == "no-attrs" and "attribute" in tags:
            raise errors.unknown("the FetchXML element 'no-attrs'")
        if child.tag not in found:
            raise bad(f"Invalid XML: '{child.tag}' in '{element.tag}'.")
        _check(child)
        found[str(child.tag)].append(child)
    return found


def _attribute(element: Element) -> Attribute:
    return Attribute(
        name=_required(element, "name"),
        alias=element.get("alias", ""),
        aggregate=element.get("aggregate", ""),
        groupby=_flag(element, "groupby"),
        dategrouping=element.get("dategrouping", ""),
        distinct=_flag(element, "distinct"),
    )


def _order(element: Element) -> OrderBy:
    return OrderBy(
        name=element.get("attribute", ""),
        alias=element.get("alias", ""),
        entity=element.get("entityname", ""),
        descending=_flag(element, "descending"),
    )


def _test(element: Element) -> Test:
    _check(element)
    found = tuple(_values(element))
    if len(found) > MAX_VALUES:
        raise bad(f"A condition takes at most {MAX_VALUES} values.")
    return Test(
        name=_required(element, "attribute"),
        operator=_required(element, "operator"),
        values=found,
        entity=element.get("entityname", ""),
        other=element.get("valueof", ""),
    )


def _values(element: Element) -> Iterator[str]:
    if "value" in element.attrib:
        yield element.attrib["value"]
    for child in element:
        if child.tag != "value":
            raise bad(f"Invalid XML: '{child.tag}' in a condition.")
        yield child.text or ""
