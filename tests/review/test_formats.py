"""What is said about values that can be written in several ways."""

from __future__ import annotations

import pytest

from syncapp.review.formats import words_for


@pytest.mark.parametrize(
    ("column", "was", "will", "expected"),
    [
        ("telephone1", "+47 22 85 50 50", "+47 228 55 050", "same digits, only the format changes"),
        ("mobilephone", "+48 601 224 908", "+48 601 317 448", "format unchanged"),
        ("fax", "+48 601 224 908", "+48-601-317-448", ""),
        ("telephone1", "+47 22", "47 22", ""),
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
def test_a_change_is_named_by_what_the_value_means(column, was, will, expected):
    assert words_for(column, was, will) == expected
