"""Which changes count as format only, and which look like it but are not."""

from __future__ import annotations

import pytest

from syncapp.models.change_kind import ChangeKind, kind_of

SAME = [
    ("telephone1", "+47 22 85 50 50", "+47 228 55 050"),
    ("mobilephone", "(0171) 555-0142", "01715550142"),
    ("emailaddress1", "Marta@Halden.example", " marta@halden.example"),
    ("lastname", "MÜLLER", "Muller"),
    ("jobtitle", "Head of Procurement", "head  of procurement."),
    ("lastname", "O’Rourke", "O'Rourke"),
    ("address1_line1", "Skippergata 14, Oslo", "Skippergata 14\nOslo"),
    ("address1_composite", "Storgata 1\n0152 Oslo", "Storgata 1, 0152 Oslo"),
    ("firstname", "Zoe\u0301", "Zo\u00e9"),
]
OTHER = [
    ("telephone1", "+47 22 85 50 50", "47 22 85 50 50"),
    ("telephone1", "22 85 50 50", "22 85 50 51"),
    ("telephone1", "22 85 50 50 ext 2", "22 85 50 50"),
    ("emailaddress1", "m.arta@halden.example", "marta@halden.example"),
    ("creditlimit", "1234.5", "12345"),
    ("creditlimit", "5", "-5"),
    ("interests", "1,3", "13"),
    ("address1_line1", "Skippergata 14", "Skippergata 1 4"),
    ("jobtitle", "C# developer", "C developer"),
    ("websiteurl", "https://a.example/b-c", "https://a.example/bc"),
    ("firstname", "Marta", "Mаrta"),  # the second one has a Cyrillic letter
    ("lastname", "Solberg", "Sol\u200bberg"),
    ("jobtitle", "...", "???"),
    ("birthdate", "1979-03-14", "1987-03-14"),
]


@pytest.mark.parametrize(("column", "original", "proposed"), SAME)
def test_what_reads_the_same_is_format_only(column, original, proposed):
    assert kind_of(column, original, proposed) is ChangeKind.FORMAT


@pytest.mark.parametrize(("column", "original", "proposed"), OTHER)
def test_what_may_mean_something_else_is_a_change(column, original, proposed):
    assert kind_of(column, original, proposed) is ChangeKind.OTHER


@pytest.mark.parametrize(
    ("original", "proposed", "kind"),
    [
        (None, "Chief", ChangeKind.FILLED),
        ("", "Chief", ChangeKind.FILLED),
        ("Chief", None, ChangeKind.CLEARED),
        (None, "", ChangeKind.FORMAT),
    ],
)
def test_null_and_empty_text_are_both_empty(original, proposed, kind):
    assert kind_of("jobtitle", original, proposed) is kind
