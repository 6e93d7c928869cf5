"""Syntax of the Web API: escaping of requests, strict parsing of answers."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError

ROW = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")


def test_quotes_in_literals_are_doubled():
    assert odata.literal("O'Neil' or 1 eq 1") == "'O''Neil'' or 1 eq 1'"


def test_query_options_are_encoded():
    path = odata.query("contacts", select=["fullname"], filter="name eq 'a&b#c d'", tag="x y")

    assert path == "contacts?$select=fullname&$filter=name%20eq%20%27a%26b%23c%20d%27&tag=x%20y"


@pytest.mark.parametrize("name", ["", "a b", "contacts(1)", "a/b", "a?b", "ä", "a" * 200])
def test_invalid_names_are_refused_in_paths(name):
    with pytest.raises(ValueError, match="Not a CRM name"):
        odata.row_path(name, ROW)


@pytest.mark.parametrize("etag", ["", "*", "W/1", '"a\r\nX: y"', 'W/"a"b"'])
def test_invalid_etag_is_refused(etag):
    with pytest.raises(ValueError, match="ETag"):
        odata.require_etag(etag)


def test_weak_etag_is_accepted():
    assert odata.require_etag('W/"77180907"') == 'W/"77180907"'


@pytest.mark.parametrize(
    ("table", "set_name"),
    [
        ("contact", "contacts"),
        ("opportunity", "opportunities"),
        ("osync_syncfield", "osync_syncfields"),
        ("new_box", "new_boxes"),
        ("new_day", "new_days"),
    ],
)
def test_set_names_follow_crm_plurals(table, set_name):
    assert odata.entity_set_name(table) == set_name


def test_decimals_keep_all_digits():
    assert odata.parse_json(b'{"a":0.10}')["a"] == Decimal("0.10")
    assert odata.body_of({"a": Decimal("1E-7"), "b": "\u20ac"}) == b'{"a":0.0000001,"b":"\\u20ac"}'


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"<html>sign in</html>",
        b"[1]",
        b"null",
        b'{"a":1',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":"\x00"}',
        b'{"a":"\xff"}',
        b'\xff\xfe{\x00"\x00',
    ],
)
def test_hostile_json_raises_protocol_error(hostile):
    with pytest.raises(ProtocolError):
        odata.parse_json(hostile)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"NaN", "is NaN, which is no number"),
        (b"-Infinity", "is -Infinity, which is no number"),
        (b"9" * 5000, "is a number out of range"),
        (b"1e999999999", "is a number out of range"),
        (b"1e-999999999", "is a number out of range"),
        (b'"\\ud800"', "holds half a character (a lone surrogate)"),
        (b'"\\ude00\\ud83d"', "holds half a character (a lone surrogate)"),
        (b'"\\u0000"', "holds a NUL character (U+0000)"),
    ],
)
def test_unstorable_value_is_replaced_and_rest_kept(value, why):
    parsed = odata.parse_json(b'{"a":[{"b":' + value + b'},{"b":"x"}]}')

    assert parsed == {"a": [{"b": odata.Unstorable(why)}, {"b": "x"}]}


def test_unstorable_property_name_does_not_affect_other_properties():
    assert odata.parse_json(b'{"\\uDFFF":1,"a":2}')["a"] == 2


def test_byte_order_mark_is_skipped():
    assert odata.parse_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


def test_escaped_surrogate_pair_is_one_character():
    assert odata.parse_json(b'{"a":"\\ud83c\\udf88 \\\\u0000"}')["a"] == "🎈 \\u0000"


def test_error_body_has_code_and_message():
    body = b'{"error":{"code":"0x80060882","message":"The version does not match."}}'

    assert odata.error_details(body) == ("0x80060882", "The version does not match.")


@pytest.mark.parametrize("body", [b"", b"Bad Gateway", b"{}", b'{"error":"x"}', b'{"error":{"code":null}}'])
def test_unreadable_error_body_gives_empty_details(body):
    assert odata.error_details(body) == ("", "")


@pytest.mark.parametrize("payload", [{}, {"value": {}}, {"value": None}])
def test_collection_must_be_a_list(payload):
    with pytest.raises(ProtocolError):
        odata.collection(payload)


def test_non_row_item_becomes_empty_row():
    assert odata.collection({"value": [1, {"a": 2}]}) == [{}, {"a": 2}]
