"""The parser of `$expand` ("Join tables using OData").

Nested options are separated by semicolons: `$select`, `$filter`, `$orderby`, `$top`, `$expand`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import BY_NAME, ManyToMany, Table, current

MAX_DEPTH = 5
_MAX_EXPANDED = 15
_ONLY_SELECT_AND_FILTER = (
    "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested "
    "one-to-many relationship."
)
_NESTED = frozenset({"$select", "$filter", "$orderby", "$top", "$expand"})


@dataclass(frozen=True)
class Expansion:
    """One navigation property to follow; `options` are those in its parentheses."""

    name: str
    options: Mapping[str, str]
    inner: tuple[Expansion, ...] = ()
    targets: tuple[Table, ...] = field(default=())
    only_reference: bool = False


def split(text: str, separator: str) -> list[str]:
    """Split at separators outside parentheses and quotes. Raises ApiError 400 when those are not closed."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and depth == 0 and letter == separator:
            parts.append(text[start:place])
            start = place + 1
        if depth < 0:
            break
    if depth or quoted:
        raise errors.bad_query("The parentheses or quotes do not match.")
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def parse(table: Table, text: str) -> tuple[Expansion, ...]:
    """Parse `$expand`. Raises ApiError 400 for a wrong name, 501 for unknown options."""
    found = _parse(table, text, 1)
    if is_nested(found):
        _refuse_order(found)
    return found


def is_nested(found: Iterable[Expansion]) -> bool:
    return any(part.inner for part in found)


def _refuse_order(found: Iterable[Expansion]) -> None:
    for part in found:
        if part.options.keys() & {"$top", "$orderby"}:
            raise errors.bad_query(_ONLY_SELECT_AND_FILTER)
        _refuse_order(part.inner)


def _parse(table: Table, text: str, depth: int) -> tuple[Expansion, ...]:
    parts = split(text, ",")
    if len(parts) > _MAX_EXPANDED or depth > MAX_DEPTH:
        raise errors.bad_query(f"More than {_MAX_EXPANDED} $expand options, or more than {MAX_DEPTH} levels of them.")
    return tuple(_one(table, part, depth) for part in parts)


def _one(table: Table, text: str, depth: int) -> Expansion:
    name, _, rest = text.partition("(")
    name = name.strip()
    if rest and not rest.endswith(")"):
        raise errors.bad_query("The parentheses in $expand do not match.")
    if name.endswith("/$ref"):
        return _reference(table, name.removesuffix("/$ref"), rest)
    if "/" in name:
        raise errors.unknown(f"'{name[:80]}' in $expand")
    targets = _targets(table, name)
    options = dict(_option(part) for part in split(rest[:-1], ";")) if rest else {}
    if name in table.navigations and options.keys() & {"$top", "$orderby"}:
        raise errors.bad_query(_ONLY_SELECT_AND_FILTER)
    inner = _parse(targets[0], options.get("$expand", ""), depth + 1)
    return Expansion(name, options, inner, targets)


def _reference(table: Table, name: str, rest: str) -> Expansion:
    """Parse `primarycontactid/$ref`, which asks for the row's address only."""
    targets = _targets(table, name)
    if name not in table.navigations:
        raise errors.bad_query("Expand with $ref is only supported on lookup type navigation property.")
    if rest:
        raise errors.unknown(f"options of '{name[:80]}/$ref' in $expand")
    return Expansion(name, {}, (), targets, only_reference=True)


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name.strip() not in _NESTED:
        raise errors.unknown(f"'{name.strip()[:40]}' in $expand")
    return name.strip(), value.strip()


def _targets(table: Table, name: str) -> tuple[Table, ...]:
    if name in table.navigations:
        return tuple(BY_NAME[target] for target in table.navigations[name][1])
    found = current().collections(table).get(name)
    if found is None:
        raise errors.no_such_property(name[:100], table.name)
    return (found.other if isinstance(found, ManyToMany) else found.referencing,)


def context_columns(select: str | None, expanded: Iterable[Expansion]) -> str:
    """Return the context's list of columns: `name,primarycontactid(fullname)`."""
    parts = [select] if select else []
    for part in expanded:
        if part.only_reference:
            parts += [part.name, f"{part.name}/$ref()"]
        else:
            parts.append(f"{part.name}({context_columns(part.options.get('$select'), part.inner)})")
    return ",".join(parts)
