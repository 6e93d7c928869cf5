"""`$select`, `$expand` and `$filter` on definitions ("Query table definitions using the Web API").

Definitions know no other options, and no functions. Of a collection whose items have several types (columns,
relationships, global choices) only the properties that all of them share can be selected, unless the path casts it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dataverse_sandbox import errors, expansion_syntax, odata
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Request
from dataverse_sandbox.metadata.names import NAMESPACE, TYPE, Item

Options = Mapping[str, str]
_KNOWN = frozenset({"$select", "$expand", "$filter", "LabelLanguages"})
_NESTED = frozenset({"$select", "$expand", "$filter"})
# Derived properties that a base type lacks, because only some derived types have them.
_DERIVED = {
    "AttributeMetadata": frozenset(
        {"MaxLength", "Targets", "Format", "FormatName", "ImeMode", "IsLocalizable", "Precision", "PrecisionSource"}
        | {"MinValue", "MaxValue", "IsBaseCurrency", "DateTimeBehavior", "OptionSet", "GlobalOptionSet"}
        | {"DefaultValue", "DefaultFormValue"}
    ),
    "RelationshipMetadataBase": frozenset(
        {f"Referenc{end}{part}" for end in ("ing", "ed") for part in ("Entity", "Attribute")}
        | {f"Referenc{end}EntityNavigationPropertyName" for end in ("ing", "ed")}
        | {"IsHierarchical", "CascadeConfiguration", "AssociatedMenuConfiguration", "IntersectEntityName"}
        | {f"Entity{number}{part}" for number in "12" for part in ("LogicalName", "IntersectAttribute")}
        | {f"Entity{number}NavigationPropertyName" for number in "12"}
        | {f"Entity{number}AssociatedMenuConfiguration" for number in "12"}
    ),
    "OptionSetMetadataBase": frozenset({"Options", "TrueOption", "FalseOption"}),
}


@dataclass(frozen=True)
class LazyProperty:
    """A property that is built only on request; `declared` is its items' type if it is a navigation property."""

    make: Callable[[], list[Item]]
    declared: str = ""


@dataclass(frozen=True)
class Declared:
    """One definition with the type in the path, which may be a base type."""

    item: Item
    type: str

    @property
    def is_base(self) -> bool:
        return self.type in _DERIVED

    def value(self, name: str) -> object:
        """Return a property's value. Raises ApiError 400 when the type has none of that name."""
        if name not in self.item or name in _DERIVED.get(self.type, ()):
            raise errors.no_such_property(name, self.type)
        return self.item[name]


def type_of(item: Item) -> str:
    return str(item[TYPE]).rpartition(".")[2]


def check_options(request: Request) -> None:
    """Raise ApiError 400 for paging, sorting or counting of definitions."""
    for name in request.options:
        if name not in _KNOWN and not name.startswith("@"):
            raise errors.bad_query(f"The query parameter {name[:50]} is not supported")


def selected(options: Options) -> str:
    """Return the context's part for `$select` and `$expand`: `(LogicalName,OptionSet)`."""
    names = [*_names(options.get("$select", "")), *(name for name, _ in _expanded(options.get("$expand", "")))]
    return f"({','.join(names)})" if names else ""


def shaped(found: Declared, options: Options) -> Item:
    """Return the item's selected and expanded properties; navigation properties only on request."""
    select = _names(options.get("$select", ""))
    for name in select:
        found.value(name)
    wanted = dict.fromkeys(["MetadataId", *(select or found.item)])
    own = {} if type_of(found.item) == found.type else {TYPE: found.item[TYPE]}
    plain = {name: found.item[name] for name in wanted if name != TYPE and not _is_navigation(found.item, name)}
    made = {name: value.make() if isinstance(value, LazyProperty) else value for name, value in plain.items()}
    return own | made | {name: _below(found, name, inner) for name, inner in _expanded(options.get("$expand", ""))}


def _is_navigation(item: Item, name: str) -> bool:
    value = item[name]
    return name in ("OptionSet", "GlobalOptionSet") or (isinstance(value, LazyProperty) and value.declared != "")


def _below(found: Declared, name: str, options: Options) -> object:
    value = found.value(name)
    if not _is_navigation(found.item, name):
        raise errors.bad_query(f"Property '{name}' on type '{NAMESPACE}.{found.type}' is not a navigation property.")
    if isinstance(value, LazyProperty):
        listed = [Declared(item, value.declared or type_of(item)) for item in value.make()]
        return [shaped(one, options) for one in listed if passes(one, options)]
    return shaped(Declared(value, type_of(value)), options) if isinstance(value, dict) else None


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _expanded(text: str) -> list[tuple[str, Options]]:
    """Parse `OptionSet($select=Options;...),Attributes` into names and inner options."""
    found: list[tuple[str, Options]] = []
    for part in expansion_syntax.split(text, ","):
        name, _, inner = part.partition("(")
        options = {}
        for option in expansion_syntax.split(inner.removesuffix(")"), ";"):
            key, _, value = option.partition("=")
            if key.strip() not in _NESTED:
                raise errors.unknown(f"'{key[:40]}' in an $expand on definitions")
            options[key.strip()] = value.strip()
        found.append((name.strip(), options))
    return found


def passes(found: Declared, options: Options) -> bool:
    """Return whether a definition matches the `$filter`."""
    text = options.get("$filter")
    return text is None or _holds(odata.parse(text), found)


def _holds(node: odata.Node, found: Declared) -> bool:
    if isinstance(node, odata.Logic):
        both: Callable[[list[bool]], bool] = all if node.word == "and" else any
        return both([_holds(part, found) for part in node.parts])
    if isinstance(node, odata.Not):
        return not _holds(node.inner, found)
    if isinstance(node, odata.Call):
        raise _no_function(node.name)
    if isinstance(node, odata.Compare) and isinstance(node.left, odata.Call):
        raise _no_function(node.left.name)
    if isinstance(node, odata.Compare) and node.word in _COMPARED:
        return _COMPARED[node.word](_value(node.left, found), _literal(node.right))
    if isinstance(node, odata.Path):
        return _value(node, found) is True
    raise errors.unknown(f"'{getattr(node, 'word', type(node).__name__)}' in a $filter on definitions")


def _no_function(name: str) -> ApiError:
    """Return the error for functions, as environments do; the documentation lists only filterable properties."""
    return ApiError(501, "0x8006088a", f'The "{name[:40]}" function isn\'t supported for Metadata Entities.')


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[object, object], bool]:
    def compared(left: object, right: object) -> bool:
        return isinstance(left, int) and isinstance(right, int) and compare(left, right)

    return compared


_COMPARED: Mapping[str, Callable[[object, object], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": _ordered(operator.gt),
    "lt": _ordered(operator.lt),
}


def _value(node: odata.Node, found: Declared) -> object:
    first, *rest = node.names if isinstance(node, odata.Path) else ("",)
    value = found.value(first)
    for name in rest:
        if not isinstance(value, dict) or name not in value:
            raise errors.no_such_property(name, found.type)
        value = value[name]
    return value


def _literal(node: odata.Node) -> object:
    """Parse a literal, or an enumeration member such as Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'."""
    if isinstance(node, odata.Literal):
        return node.value
    raise errors.unknown(f"'{type(node).__name__}' on the right of a comparison on definitions")
