"""The table of column types: how the values of each type are read, limited, compared and written.

A new type needs one entry here and one in `review/diff/presentation.py` for pages and mails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from syncapp.crm import odata
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import canonical, limits, reading


def _unlimited(column: Column, value: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ValueRules:
    """The rules for values of one column type.

    `crm_types` are the names of the type in the CRM's definitions (AttributeTypeName). `message` is shown for text
    that `parse` refuses with a ValueError. `check` and `check_exactly` return why a value does not fit, or None.
    """

    crm_types: tuple[str, ...]
    read: Callable[[Column, object, odata.Row], str]  # JSON value ─▶ canonical text
    parse: Callable[[str], Any]  # canonical text ─▶ Python value
    message: str
    to_json: Callable[[Any], object] = lambda parsed: parsed  # Python value ─▶ JSON value
    check: Callable[[Column, Any], str | None] = _unlimited  # checks the parsed value
    check_exactly: Callable[[Column, str], str | None] = _unlimited  # checks the text, if rounding is not allowed
    # Takes the column, the text that we sent and the text that the CRM holds.
    is_rounded: Callable[[Column, str, str], bool] = lambda column, sent, held: False
    wire_name: str = "{}"  # the name of the column in the rows of a read
    is_writable: bool = True


RULES: Mapping[ColumnType, ValueRules] = {
    ColumnType.TEXT: ValueRules(
        crm_types=("StringType",),
        read=reading.read_text,
        parse=canonical.parse_text,
        message="This text contains characters that the CRM cannot store. Remove them.",
        check=limits.check_length,
    ),
    ColumnType.MEMO: ValueRules(
        crm_types=("MemoType",),
        read=reading.read_text,
        parse=canonical.parse_text,
        message="This text contains characters that the CRM cannot store. Remove them.",
        check=limits.check_length,
    ),
    ColumnType.CHOICE: ValueRules(
        crm_types=("PicklistType", "StateType", "StatusType"),
        read=reading.read_whole_number,
        parse=canonical.parse_whole_number,
        message="Choose one of the options.",
        check=limits.check_option,
    ),
    ColumnType.CHOICES: ValueRules(
        crm_types=("MultiSelectPicklistType",),
        read=reading.read_choices,
        parse=canonical.parse_choices,
        message="Choose from the options.",
        to_json=canonical.choices_text,
        check=limits.check_options,
    ),
    ColumnType.YES_NO: ValueRules(
        crm_types=("BooleanType",),
        read=reading.read_yes_no,
        parse=canonical.parse_yes_no,
        message="Choose yes or no.",
    ),
    ColumnType.INTEGER: ValueRules(
        crm_types=("IntegerType",),
        read=reading.read_whole_number,
        parse=canonical.parse_whole_number,
        message="Enter a whole number, for example 1234.",
        check=limits.check_integer,
    ),
    ColumnType.DECIMAL: ValueRules(
        crm_types=("DecimalType",),
        read=reading.read_number,
        parse=canonical.parse_number,
        message="Enter a number, for example 1234.5.",
        check=limits.check_number,
        check_exactly=limits.check_decimal_places,
        is_rounded=limits.is_rounded_number,
    ),
    ColumnType.MONEY: ValueRules(
        crm_types=("MoneyType",),
        read=reading.read_number,
        parse=canonical.parse_number,
        message="Enter an amount, for example 1234.50.",
        check=limits.check_number,
        check_exactly=limits.check_decimal_places,
        is_rounded=limits.is_rounded_number,
    ),
    ColumnType.FLOAT: ValueRules(
        crm_types=("DoubleType",),
        read=reading.read_number,
        parse=canonical.parse_float,
        message="Enter a number, for example 1234.5.",
        to_json=lambda number: Decimal(repr(number)),
        check=limits.check_number,
        check_exactly=limits.check_decimal_places,
        is_rounded=limits.is_rounded_number,
    ),
    ColumnType.DATE: ValueRules(
        crm_types=(),  # a DateTimeType with the behavior DateOnly
        read=reading.read_date,
        parse=canonical.parse_date,
        message="Enter a date, for example 2026-11-20.",
        to_json=date.isoformat,
        check=limits.check_date,
    ),
    ColumnType.DATE_TIME: ValueRules(
        crm_types=("DateTimeType",),
        read=reading.read_date_time,
        parse=canonical.parse_date_time,
        message="Enter a date and time, for example 2026-11-20T09:30:00Z.",
        to_json=canonical.instant_text,
        check=limits.check_date,
        is_rounded=limits.is_rounded_time,
    ),
    ColumnType.LOOKUP: ValueRules(
        crm_types=("LookupType", "CustomerType", "OwnerType"),
        read=reading.read_lookup,
        parse=canonical.parse_lookup,
        message="Choose a row of the CRM.",
        check=limits.check_lookup,
        wire_name="_{}_value",  # "Select columns"
    ),
    ColumnType.OTHER: ValueRules(
        crm_types=(),  # every name that no other type has
        read=reading.read_other,
        parse=canonical.parse_text,
        message="This field cannot be written.",
        is_writable=False,
    ),
}

BY_CRM_TYPE: Mapping[str, ColumnType] = {
    crm_type: column_type for column_type, rules in RULES.items() for crm_type in rules.crm_types
}
