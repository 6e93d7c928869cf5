"""Notes about values that can be written in several ways."""

from __future__ import annotations

import pytest

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models.mirror.change_kind import ChangeKind, kind_of
from syncapp.review.diff.formats import describe_change
from syncapp.review.diff.values import diff_values


@pytest.mark.parametrize(
    ("column", "was", "will", "expected"),
    [
        ("telephone1", "+47 22 85 50 50", "+47 228 55 050", "same digits, only the format changes"),
        ("mobilephone", "+48 601 224 908", "+48 601 317 448", "same format"),
        ("fax", "+48 601 224 908", "+48-601-317-448", ""),
        ("telephone1", "+47 22", "47 22", "same digits, but other dialed characters change"),
        ("telephone1", "8001234567,1", "80012345671", "same digits, but other dialed characters change"),
        ("telephone1", "030 123 45", "030 123+45", "same digits, but other dialed characters change"),
        ("telephone1", "22 ext 2", "22 2", ""),
        ("emailaddress1", "ida@halden.no", "'ida@halden.no'", "in quotation marks: mail to it bounces"),
        ("emailaddress1", "ida@halden.no", "/o=ExchangeLabs/ou=Exchange/cn=Recipients/cn=ida",
         "an internal Exchange address: outside mail does not reach it"),
        ("address1_line1", "Hauptstraße 1", "Hauptstrasse 1", ""),
        ("emailaddress1", "Ida@Halden.no ", "ida@halden.no", "same address, only the format changes"),
        ("emailaddress1", "ida@halden.no", "ida@halden.com", "another domain"),
        ("emailaddress2", "ida@halden.no", "i.moe@halden.no", "same domain"),
        ("address1_composite", "Skippergata 14\n0152 Oslo", "Skippergata 14, 0152 OSLO",
         "same words, only the format changes"),
        ("address1_line1", "Skippergata 14", "Skippergata 15", ""),
        ("jobtitle", "Buyer", "buyer", ""),
        ("telephone1", "", "+47", ""),
    ],
)  # fmt: skip
def test_change_note_depends_on_column(column, was, will, expected):
    assert describe_change(column, was, will) == expected


@pytest.mark.parametrize("sign", [",", ";", "#", "*", "p", "w", "+", "\u00d7"])
@pytest.mark.parametrize("column", ["telephone1", "mobilephone", "fax", "pager"])
def test_changed_dialed_sign_is_not_format_only(column, sign):
    was, will = f"800 123{sign}45", "800 12345"

    assert kind_of(column, was, will) is ChangeKind.OTHER
    assert "only the format" not in describe_change(column, was, will)


@pytest.mark.parametrize(
    ("column", "will", "moved"),
    [
        ("birthdate", "1987-03-13", True),
        ("birthdate", "1987-03-15", True),
        ("birthdate", "1987-03-16", False),
        ("osync_duedate", "1987-03-15", False),
    ],
)
def test_birthday_moved_by_one_day_is_tagged(column, will, moved):
    date_column = Column("contact", column, "Birthday", ColumnType.DATE)

    tags = diff_values(date_column, ("1987-03-14", ""), (will, "")).tags

    assert [tag.words for tag in tags] == (["moved by one day: possibly a time zone error"] if moved else [])
