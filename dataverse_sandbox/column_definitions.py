"""Conversion of a column's JSON definition to a column of the catalog ("Create and update column definitions").

Accepts the plain metadata types and the Complex ones of `CreateEntities`. Files, images and calculated columns
are not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import Column, GlobalChoice, Kind, Option, current
from dataverse_sandbox.metadata.names import metadata_id

Body = Mapping[str, object]
_SCHEMA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,7}_\w{1,80}", re.ASCII)
_GLOBAL = re.compile(r"GlobalOptionSetDefinitions\(([^)]*)\)$")
_STEMS = {
    "String": Kind.TEXT,
    "Memo": Kind.MEMO,
    "Integer": Kind.INTEGER,
    "Decimal": Kind.DECIMAL,
    "Double": Kind.DOUBLE,
    "Money": Kind.MONEY,
    "Boolean": Kind.YES_NO,
    "Picklist": Kind.CHOICE,
    "MultiSelectPicklist": Kind.CHOICES,
    "DateTime": Kind.DATE_TIME,
    "UniqueIdentifier": Kind.GUID,
}
_MAX_LENGTHS = {Kind.TEXT: 4_000, Kind.MEMO: 1_048_576}
_DEFAULT_LENGTHS = {Kind.TEXT: 100, Kind.MEMO: 2_000}
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY})


def is_true(value: object) -> bool:
    """Return whether a plain or managed property is true."""
    return value is True or (isinstance(value, Mapping) and value.get("Value") is True)


def schema_name_of(body: Body) -> str:
    """Return the SchemaName. Raises ApiError 400 when it lacks the prefix of a publisher."""
    name = body.get("SchemaName")
    if not isinstance(name, str) or not _SCHEMA_NAME.fullmatch(name):
        raise errors.bad_payload(f"The SchemaName '{str(name)[:60]}' must begin with a customization prefix.")
    return name


def label_of(body: Body, name: str, default: str) -> str:
    """Return the first label of a Label, or the default when there is none."""
    return _label(body.get(name)) or default


def _label(value: object) -> str:
    if not isinstance(value, Mapping):
        return ""
    labels = value.get("LocalizedLabels")
    first = labels[0] if isinstance(labels, list) and labels else value.get("UserLocalizedLabel")
    return str(first.get("Label") or "") if isinstance(first, Mapping) else ""


def required(body: Body) -> str:
    """Return the required level of a definition."""
    level = body.get("RequiredLevel")
    return str(level.get("Value") or "None") if isinstance(level, Mapping) else "None"


def read(body: Body) -> Column:
    """Read a definition. Raises ApiError 400 for an invalid one, 501 for an unknown type."""
    schema_name = schema_name_of(body)
    kind = _kind(body)
    column = Column(
        schema_name.lower(),
        kind,
        label_of(body, "DisplayName", schema_name),
        schema_name=schema_name,
        required=required(body),
        max_length=_DEFAULT_LENGTHS.get(kind),
        text_format="TextArea" if kind is Kind.MEMO else "Text",
        minimum=-2_147_483_648 if kind is Kind.INTEGER else -100_000_000_000,
        maximum=2_147_483_647 if kind is Kind.INTEGER else 100_000_000_000,
    )
    if kind is Kind.DATE_TIME:
        column = replace(column, behavior=date_behavior(body))
    column = changed(column, body)
    shared = _shared(body)
    if shared is not None and kind in (Kind.CHOICE, Kind.CHOICES):
        column = replace(column, options=shared.options, global_choice=shared.name)
    elif kind in (Kind.CHOICE, Kind.CHOICES, Kind.YES_NO) and not column.options:
        column = replace(column, options=options_of(body, kind))
    return replace(column, default=_default(body, kind))


def _kind(body: Body) -> Kind:
    given = str(body.get("@odata.type", "")).rpartition(".")[2].removeprefix("Complex")
    kind = _STEMS.get(given.removesuffix("AttributeMetadata"))
    if kind is None:
        raise errors.unknown(f"the column type '{given[:80]}'")
    if kind is Kind.DATE_TIME and date_behavior(body) == "DateOnly":
        if date_format(body, "DateOnly") != "DateOnly":
            raise errors.bad_payload("A column with the behavior DateOnly has the format DateOnly.")
        return Kind.DATE
    return kind


def date_behavior(body: Body, default: str = "UserLocal") -> str:
    """Return the behavior of a definition ("Behavior and format of the date and time column"); ApiError 400."""
    given = body.get("DateTimeBehavior")
    value = given.get("Value") if isinstance(given, Mapping) else given
    if value is None:
        return default
    if value not in ("UserLocal", "DateOnly", "TimeZoneIndependent"):
        raise errors.bad_payload(f"'{str(value)[:60]}' is not a DateTimeBehavior.")
    return str(value)


def date_format(body: Body, default: str = "DateAndTime") -> str:
    value = body.get("Format") or default
    if value not in ("DateAndTime", "DateOnly"):
        raise errors.bad_payload(f"'{str(value)[:60]}' is not a format of dates.")
    return str(value)


def _dated(column: Column, body: Body) -> Column:
    """Apply behavior and format. Raises ApiError 400, and 501 if stored values would need conversion."""
    old = "DateOnly" if column.kind is Kind.DATE else column.behavior
    new = date_behavior(body, old)
    if new != old and old != "UserLocal":
        raise errors.bad_payload(f"The behavior of '{column.name}' cannot be changed: it is {old}.")
    if new != old and new == "DateOnly":
        raise errors.unknown("the change of a column's behavior to DateOnly")
    if column.kind is Kind.DATE:
        if date_format(body, "DateOnly") != "DateOnly":
            raise errors.bad_payload("A column with the behavior DateOnly has the format DateOnly.")
        return column
    return replace(column, behavior=new, date_format=date_format(body, column.date_format))


def changed(column: Column, body: Body) -> Column:
    """Return the column with the definition's label, auditing, length, limits, requirement and options."""
    found = replace(column, label=label_of(body, "DisplayName", column.label))
    if "IsAuditEnabled" in body and column.ledgered:
        found = replace(found, audited=is_true(body["IsAuditEnabled"]))
    if "RequiredLevel" in body:
        found = replace(found, required=required(body))
    if "MaxLength" in body and column.kind in _MAX_LENGTHS:
        length = _require_integer(body, "MaxLength")
        if not 1 <= length <= _MAX_LENGTHS[column.kind]:
            raise errors.bad_payload(f"MaxLength is between 1 and {_MAX_LENGTHS[column.kind]}.")
        found = replace(found, max_length=length)
    if isinstance(body.get("FormatName"), Mapping) and column.kind is Kind.TEXT:
        found = replace(found, text_format=str(body["FormatName"]["Value"]))  # type: ignore[index]  # a Mapping, see above
    if column.kind in _NUMBERS:
        found = _limited(found, body)
    if column.kind in (Kind.DATE, Kind.DATE_TIME):
        found = _dated(found, body)
    if body.get("OptionSet") and column.options and not column.global_choice:
        found = replace(found, options=options_of(body, column.kind))
    return found


def _limited(column: Column, body: Body) -> Column:
    """Return the column with the limits of a definition."""
    minimum, maximum = body.get("MinValue"), body.get("MaxValue")
    precision = body.get("Precision")
    return replace(
        column,
        minimum=float(minimum) if isinstance(minimum, int | float) else column.minimum,
        maximum=float(maximum) if isinstance(maximum, int | float) else column.maximum,
        precision=precision if isinstance(precision, int) and 0 <= precision <= 10 else column.precision,
    )


def _require_integer(body: Body, name: str) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.bad_payload(f"'{name}' is a whole number.")
    return value


def _shared(body: Body) -> GlobalChoice | None:
    """Return the global choice whose options a definition uses. Raises ApiError 400."""
    link = body.get("GlobalOptionSet@odata.bind")
    if not isinstance(link, str):
        return None
    match = _GLOBAL.search(link)
    found = choice_of_key(match[1]) if match else None
    if found is None:
        raise errors.bad_payload(f"'{link[:100]}' is not the address of a global choice.")
    return found


def choice_of_key(key: str) -> GlobalChoice | None:
    """Return a global choice by `Name='x'` or MetadataId."""
    name = key.removeprefix("Name=").strip("'").lower()
    known = current().choices.values()
    return next((one for one in known if name in (one.name, metadata_id(one.name, "global choice"))), None)


def options_of(body: Body, kind: Kind) -> tuple[Option, ...]:
    """Return the options of a definition's `OptionSet`. Raises ApiError 400."""
    given = body.get("OptionSet")
    given = given if isinstance(given, Mapping) else {}
    if kind is Kind.YES_NO:
        return (_option(given.get("FalseOption"), 0, "No"), _option(given.get("TrueOption"), 1, "Yes"))
    listed = given.get("Options")
    if not isinstance(listed, list) or not listed:
        raise errors.bad_payload("The option set needs 'Options'.")
    found = tuple(_option(item, 100_000_000 + index, f"Option {index + 1}") for index, item in enumerate(listed))
    if len({option.value for option in found}) < len(found):
        raise errors.bad_payload("Two options have the same value.")
    return found


def _option(item: object, value: int, label: str) -> Option:
    if not isinstance(item, Mapping):
        return Option(value, label)
    number = item.get("Value")
    is_number = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**31
    return Option(int(str(number)) if is_number else value, _label(item.get("Label")) or label)


def _default(body: Body, kind: Kind) -> object:
    if kind is Kind.YES_NO:
        return int(body.get("DefaultValue") is True)
    given = body.get("DefaultFormValue")
    if kind is Kind.CHOICE and isinstance(given, int) and given != -1:
        return given
    return None
