"""Conversion: a value of any type that is written to the CRM is read back as the same value."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncapp.crm.errors import ProtocolError
from syncapp.crm.odata import LOOKUP_TABLE, body_of, parse_json
from syncapp.crm.staging.records import Column, ColumnType, Navigation
from syncapp.crm.values.conversion import check, is_rounded, same, to_canonical, to_wire, wire_name
from tests.crm import columns as c

GUID = "6b29fc40-ca47-1067-b31d-00dd010662da"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SETS = {"accounts": "account", "contacts": "contact", "transactioncurrencies": "transactioncurrency"}

_characters = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
_plain_numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14)
_TEXTS = {
    ColumnType.TEXT: st.text(_characters, min_size=1, max_size=25),
    ColumnType.MEMO: st.text(_characters, min_size=1, max_size=200),
    ColumnType.CHOICE: st.sampled_from(["1", "2", "3"]),
    ColumnType.CHOICES: st.sets(st.sampled_from(["1", "2", "10"]), min_size=1).map(
        lambda values: ",".join(sorted(values, key=int))
    ),
    ColumnType.YES_NO: st.sampled_from(["true", "false"]),
    ColumnType.INTEGER: st.integers(-(2**31), 2**31 - 1).map(str),
    ColumnType.DECIMAL: _plain_numbers.map(lambda number: format(number, "f")),
    ColumnType.MONEY: _plain_numbers.map(lambda number: format(number, "f")),
    ColumnType.FLOAT: st.floats(allow_nan=False, allow_infinity=False).map(
        lambda number: format(Decimal(repr(number)), "f")
    ),
    ColumnType.DATE: st.dates(min_value=date(1753, 1, 1)).map(str),
    ColumnType.DATE_TIME: st.integers(-6_800_000_000_000_000, 253_000_000_000_000_000)
    .map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
    .map(lambda moment: moment.isoformat().replace("+00:00", "Z")),
}


def _texts(column: Column) -> st.SearchStrategy[str | None]:
    if column.type is ColumnType.LOOKUP:
        some = st.tuples(st.sampled_from(column.targets), st.uuids()).map(lambda pair: f"{pair[0]}:{pair[1]}")
    else:
        some = _TEXTS[column.type]
    return st.none() | some


_column_and_text = st.sampled_from(c.WRITABLE).flatmap(lambda column: st.tuples(st.just(column), _texts(column)))
_anything = st.none() | st.text(max_size=8) | st.one_of(*_TEXTS.values()) | st.just(f"account:{GUID}")


def _as_the_crm_returns_it(column: Column, text: str | None) -> dict[str, object]:
    """Return the row that a read returns after this write, in which a lookup has another name."""
    body = parse_json(body_of(to_wire(column, text)))
    if column.type is not ColumnType.LOOKUP:
        return body
    (bound,) = body.values()
    if bound is None:
        return {wire_name(column): None}
    set_name, _, key = str(bound).strip("/)").partition("(")
    return {wire_name(column): key, wire_name(column) + LOOKUP_TABLE: SETS[set_name]}


@given(_column_and_text)
def test_written_value_is_read_back_unchanged(column_and_text):
    column, text = column_and_text

    row = _as_the_crm_returns_it(column, text)
    returned = to_canonical(column, row[wire_name(column)], row)

    assert same(column.type, returned, text)


@given(_column_and_text)
def test_read_value_is_accepted_and_canonical(column_and_text):
    column, text = column_and_text
    row = _as_the_crm_returns_it(column, text)
    returned = to_canonical(column, row[wire_name(column)], row)

    again = _as_the_crm_returns_it(column, returned)

    assert check(column, returned) is None
    assert to_canonical(column, again[wire_name(column)], again) == returned


@given(st.sampled_from(ColumnType), _anything, _anything, _anything)
def test_same_is_an_equivalence_relation(column_type, a, b, third):
    assert same(column_type, a, a)
    assert same(column_type, a, b) == same(column_type, b, a)
    assert not (same(column_type, a, b) and same(column_type, b, third)) or same(column_type, a, third)


@pytest.mark.parametrize(
    ("column_type", "a", "b"),
    [
        (ColumnType.TEXT, None, ""),
        (ColumnType.MONEY, "1234.50", "1234.5"),
        (ColumnType.DECIMAL, "-0.0", "0"),
        (ColumnType.INTEGER, "007", "7"),
        (ColumnType.CHOICES, "3,1", "1,3"),
        (ColumnType.CHOICES, "1,1,3", "1,3"),
        (ColumnType.DATE_TIME, "2026-11-20T10:30:00+01:00", "2026-11-20T09:30:00Z"),
        (ColumnType.DATE_TIME, "2026-11-20T09:30Z", "2026-11-20T09:30:00.000Z"),
        (ColumnType.LOOKUP, f"account:{GUID.upper()}", f"account:{GUID}"),
        (ColumnType.LOOKUP, f"Account:{GUID}", f"account:{GUID}"),
        (ColumnType.FLOAT, "0.1", "0.10000000000000000001"),
    ],
)
def test_notations_of_one_value_are_same(column_type, a, b):
    assert same(column_type, a, b)


@pytest.mark.parametrize(
    ("column_type", "a", "b"),
    [
        (ColumnType.TEXT, "1234.50", "1234.5"),
        (ColumnType.TEXT, "ann", "Ann"),
        (ColumnType.TEXT, "ann", "ann "),
        (ColumnType.TEXT, "paypal", "pаypal"),
        (ColumnType.MONEY, "1234.50", "1234.51"),
        (ColumnType.YES_NO, "false", None),
        (ColumnType.INTEGER, "0", None),
        (ColumnType.CHOICES, "1,3", "1"),
        (ColumnType.LOOKUP, f"account:{GUID}", f"contact:{GUID}"),
        (ColumnType.DATE_TIME, "2026-11-20T09:30:00Z", "2026-11-20T09:30:01Z"),
    ],
)
def test_different_values_are_not_same(column_type, a, b):
    assert not same(column_type, a, b)


@pytest.mark.parametrize(
    ("column", "raw", "text"),
    [
        (c.PHONE, " +49 40 1 ", " +49 40 1 "),
        (c.PHONE, "", None),
        (c.METHOD, 3, "3"),
        (c.INTERESTS, "10,2", "2,10"),
        (c.NO_EMAIL, False, "false"),
        (c.LIMIT, Decimal("1234.5000"), "1234.5"),
        (c.LIMIT, 1200, "1200"),
        (c.LIMIT, Decimal("-0.00"), "0"),
        (c.LATITUDE, Decimal("5E-7"), "0.0000005"),
        (c.BIRTHDAY, "1980-02-29", "1980-02-29"),
        (c.BIRTHDAY, "1980-02-29T00:00:00Z", "1980-02-29"),
        (c.ON_HOLD, "2026-11-20T10:30:00+01:00", "2026-11-20T09:30:00Z"),
        (c.CURRENCY, GUID.upper(), f"transactioncurrency:{GUID}"),
        (c.PICTURE, None, None),
    ],
)
def test_json_value_becomes_canonical_text(column, raw, text):
    assert to_canonical(column, raw, {}) == text


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (c.PHONE, 5),
        (c.METHOD, "3"),
        (c.METHOD, True),
        (c.METHOD, 2**63),
        (c.INTERESTS, "1;2"),
        (c.NO_EMAIL, 1),
        (c.LIMIT, "12"),
        (c.LIMIT, False),
        (c.BIRTHDAY, "2026-02-30"),
        (c.BIRTHDAY, "2026-11-20T09:30:00Z"),
        (c.ON_HOLD, "2026-11-20T09:30:00"),
        (c.ON_HOLD, "0001-01-01T00:00:00+14:00"),
        (c.CURRENCY, "not-a-guid"),
        (c.COMPANY, GUID),
        (c.NO_EMAIL, {}),
    ],
)
def test_value_of_other_type_raises_protocol_error(column, raw):
    with pytest.raises(ProtocolError):
        to_canonical(column, raw, {})


def test_protocol_error_hides_the_value():
    with pytest.raises(ProtocolError) as caught:
        to_canonical(c.BIRTHDAY, "Ann's secret", {})

    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("column", "text", "entries"),
    [
        (c.PHONE, None, {"telephone1": None}),
        (c.PHONE, "", {"telephone1": None}),
        (c.METHOD, "3", {"preferredcontactmethodcode": 3}),
        (c.NO_EMAIL, "true", {"donotemail": True}),
        (c.INTERESTS, "10,1", {"new_interests": "1,10"}),
        (c.COMPANY, f"account:{GUID}", {"parentcustomerid_account@odata.bind": f"/accounts({GUID})"}),
        (c.COMPANY, f"contact:{GUID}", {"parentcustomerid_contact@odata.bind": f"/contacts({GUID})"}),
        (c.COMPANY, None, {"parentcustomerid_account@odata.bind": None}),
        (
            c.CURRENCY,
            f"transactioncurrency:{GUID}",
            {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({GUID})"},
        ),
    ],
)
def test_values_become_json_body(column, text, entries):
    assert to_wire(column, text) == entries


def test_lookup_is_written_by_defined_navigation():
    region = Column(
        "contact",
        "new_region",
        "Region",
        ColumnType.LOOKUP,
        targets=("new_region",),
        navigation=(Navigation("new_region", "new_Region", "new_regionset"),),
    )

    assert to_wire(region, f"new_region:{GUID}") == {"new_Region@odata.bind": f"/new_regionset({GUID})"}
    assert to_wire(region, None) == {"new_Region@odata.bind": None}


def test_money_keeps_every_digit_in_json():
    body = body_of(to_wire(c.LIMIT, "922337203685477.5807"))

    assert body == b'{"creditlimit":922337203685477.5807}'
    assert json.loads(body, parse_float=str)["creditlimit"] == "922337203685477.5807"


@pytest.mark.parametrize(
    ("column", "text"),
    [(c.METHOD, "Phone"), (c.LIMIT, "1,234.5"), (c.COMPANY, "Contoso"), (c.PICTURE, "x"), (c.LIMIT, "1e9")],
)
def test_non_canonical_text_is_never_written(column, text):
    with pytest.raises(ValueError, match=r".+"):
        to_wire(column, text)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (c.PHONE, "5" * 51),
        (c.PHONE, "🎈" * 26),
        (c.PHONE, "a\x00b"),
        (c.PHONE, "half \ud83d"),
        (c.METHOD, "4"),
        (c.METHOD, "Phone"),
        (c.INTERESTS, "1,5"),
        (c.INTERESTS, "1,"),
        (c.NO_EMAIL, "yes"),
        (c.CHILDREN, "2.5"),
        (c.CHILDREN, "2147483648"),
        (c.CHILDREN, "٣"),
        (c.LIMIT, "1,234.5"),
        (c.LATITUDE, "9" * 400),
        (c.BIRTHDAY, "20.11.2026"),
        (c.BIRTHDAY, "20261120"),
        (c.BIRTHDAY, "1752-12-31"),
        (c.ON_HOLD, "2026-11-20T09:30:00"),
        (c.COMPANY, f"lead:{GUID}"),
        (c.COMPANY, "Contoso"),
        (c.PICTURE, "x"),
        (Column("contact", "fullname", "Full Name", ColumnType.TEXT, writable=False), "Ann"),
    ],
)
def test_unsuitable_text_is_refused(column, text):
    message = check(column, text)

    assert message is not None
    assert message.endswith(".")


DISCOUNT = Column(
    "contact",
    "osync_discount",
    "Discount",
    ColumnType.DECIMAL,
    precision=3,
    minimum=Decimal(0),
    maximum=Decimal("100.5"),
)
CHILDREN = replace(c.CHILDREN, minimum=Decimal(0), maximum=Decimal(20))


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        (DISCOUNT, "-0.001", "Enter at least 0."),
        (DISCOUNT, "100.51", "Enter at most 100.5."),
        (CHILDREN, "21", "Enter at most 20."),
        (DISCOUNT, "12.3456", None),
        (DISCOUNT, "100.5", None),
    ],
)
def test_number_outside_range_is_refused(column, text, message):
    assert check(column, text) == message


def test_exact_check_refuses_excess_decimals():
    assert check(DISCOUNT, "12.3456", exactly=True) == "Use at most 3 decimal places."
    assert check(replace(DISCOUNT, precision=1), "12.34", exactly=True) == "Use at most 1 decimal place."
    assert check(replace(DISCOUNT, precision=0), "12.3", exactly=True) == "Enter a whole number."
    assert check(DISCOUNT, "12.3450", exactly=True) is None
    assert check(c.LIMIT, "1234.5678", exactly=True) is None, "a currency's decimals are not in the definitions"


@pytest.mark.parametrize(
    ("column", "sent", "held", "rounded"),
    [
        (DISCOUNT, "12.34567", "12.346", True),
        (DISCOUNT, "12.9996", "13", True),
        (DISCOUNT, "12.345", "12.346", False),
        (DISCOUNT, "12.34567", "12.3457", False),
        (c.LIMIT, "1234.5678", "1234.57", True),
        (c.LIMIT, "1234.5", "1235", False),
        (c.ON_HOLD, "2026-11-20T09:30:00.5Z", "2026-11-20T09:30:00Z", True),
        (c.ON_HOLD, "2026-11-20T09:30:00.5Z", "2026-11-20T09:31:00Z", False),
        (c.PHONE, "1.001", "1", False),
        (DISCOUNT, None, "12", False),
    ],
)
def test_rounded_value_is_recognized(column, sent, held, rounded):
    assert is_rounded(column, sent, held) is rounded


@pytest.mark.parametrize(
    ("column", "text"), [(c.PHONE, "5" * 50), (c.PHONE, "🎈" * 25), (c.METHOD, "3"), (c.INTERESTS, "10,1")]
)
def test_suitable_text_is_accepted(column, text):
    assert check(column, text) is None


@pytest.mark.parametrize(
    "column",
    [
        Column("contact", "new_day", "Day", ColumnType.DATE_TIME, is_shown_as_date=True),
        Column("contact", "new_checkin", "Check-in", ColumnType.DATE_TIME, is_zoneless=True),
    ],
)
def test_date_time_is_written_in_full(column):
    assert to_canonical(column, "2029-05-31T22:00:00Z", {}) == "2029-05-31T22:00:00Z"
    assert to_wire(column, "2029-05-31T22:00:00Z") == {column.name: "2029-05-31T22:00:00Z"}
