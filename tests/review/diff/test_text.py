"""Text diffs, drawn as [removed] and [added] stretches and <named> hidden characters."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.review.diff import values
from syncapp.review.diff.shortening import shorten
from syncapp.review.diff.text import Part, PartKind, compare, mark_whole, split_unmarked
from syncapp.text import characters


def drawn(parts: tuple[Part, ...]) -> str:
    """Return the parts as text: [changed], <hidden>, … for a gap."""
    found = []
    for part in parts:
        text = f"<{part.name}>" if part.kind is PartKind.HIDDEN else "…" if part.kind is PartKind.GAP else part.text
        found.append(f"[{text}]" if part.changed else text)
    return "".join(found)


def both(was: str, will: str) -> tuple[str, str]:
    found = compare(was, will)
    return drawn(found.before), drawn(found.after)


@pytest.mark.parametrize(
    ("was", "will", "expected"),
    [
        ("same", "same", ("same", "same")),
        ("", "new", ("", "[new]")),
        ("old", "", ("[old]", "")),
        ("Jonson", "Johnson", ("Jonson", "Jo[h]nson")),
        ("14 March 1979", "14 March 1987", ("14 March 19[79]", "14 March 19[87]")),
        ("+48 601 224 908", "+48 601 317 448", ("+48 601 [224 90]8", "+48 601 [317 44]8")),
        ("m.villa@halden.no", "marta.villa@halden.com", ("m.villa@halden.[no]", "m[arta].villa@halden.[com]")),
        ("Senior Buyer, Packaging", "Head of Procurement, Packaging",
         ("[Senior Buyer], Packaging", "[Head of Procurement], Packaging")),
        ("Warehouse Manager", "Warehouse and Fleet Director",
         ("Warehouse [Manager]", "Warehouse [and Fleet Director]")),
        ("Baltic Cold Chain", "Baltic Cold Chain Sp. z o.o.", ("Baltic Cold Chain", "Baltic Cold Chain[ Sp. z o.o.]")),
    ],
)  # fmt: skip
def test_only_changed_parts_are_marked(was, will, expected):
    assert both(was, will) == expected


def test_blank_changes_mark_only_blanks():
    found = compare("+47 22 85 50 50", "+47 228 55 050")

    assert found.only_blanks
    assert drawn(found.before) == "+47 22[ ]85[ ]50[ ]50"
    assert {part.kind for part in found.before if part.changed} == {PartKind.SPACE}
    assert compare("a b", "a  b").only_blanks


@pytest.mark.parametrize(
    ("was", "will", "shown"),
    [
        ("+33 6 32 30", "+33-6-32-30", "+33[-]6[-]32[-]30"),
        ("mio-ono@x.example", "mio.ono@x.example", "mio[.]ono@x.example"),
        ("e f", "e, f", "e[,] f"),
    ],
)
def test_punctuation_changes_mark_only_punctuation(was, will, shown):
    found = compare(was, will)

    assert drawn(found.after) == shown
    assert found.only_punctuation
    assert not found.only_blanks


@pytest.mark.parametrize(
    ("will", "shown"),
    [
        ("Ann\u200b", "Ann[<zero-width space>]"),
        ("Ann\u202egpj", "Ann[<right-to-left override>][gpj]"),
        ("Ann\u00a0Bo", "Ann[<no-break space>][Bo]"),
        ("Ann\x07", "Ann[<U+0007>]"),
        ("Ann\u3164", "Ann[<hangul filler>]"),
        ("Ann\U000e0041", "Ann[<tag latin capital letter a>]"),
    ],
)
def test_hidden_characters_are_named(will, shown):
    assert both("Ann", will)[1] == shown


def test_unchanged_hidden_character_is_named():
    assert drawn(split_unmarked("a\u200bb")) == "a<zero-width space>b"


def test_lone_line_break_is_named():
    assert both("a\nb", "a\n\nb")[1] == "a\n[<line break>]\nb"
    assert both("a\nb", "a\nc\nb")[1] == "a\n[c]\nb"


def test_accent_stays_on_its_letter():
    assert both("Zoe", "Zoe\u0308") == ("Zo[e]", "Zo[e\u0308]")


def test_equal_labels_of_different_values_are_marked():
    found = mark_whole("Acme", "Acme")

    assert (drawn(found.before), drawn(found.after)) == ("[Acme]", "[Acme]")


def test_each_date_part_is_marked_as_a_whole():
    column = Column("contact", "birthdate", "Birthday", ColumnType.DATE)
    change = values.diff_values(column, ("1983-05-01", ""), ("1983-05-31", ""))

    assert [part.text for part in change.before.parts if part.changed] == ["1"]
    assert [part.text for part in change.after.parts if part.changed] == ["31"]


def test_amount_is_marked_as_a_whole():
    column = Column("contact", "creditlimit", "Credit Limit", ColumnType.MONEY)
    change = values.diff_values(column, ("12500.5", "€12,500.50"), ("15001", "€15,001.00"))

    assert [(part.text, part.changed) for part in change.after.parts] == [("€15,001.00", True)]


def test_long_text_shows_changes_in_context():
    sentences = [f"This is sentence number {number} of the text." for number in range(60)]
    was = " ".join(sentences)
    will = was.replace("number 20", "NUMBER 20").replace("number 50", "digit 50")

    short = drawn(shorten(compare(was, will).after))

    assert "[NUMBER] 20" in short
    assert "[digit] 50" in short
    assert short.count("…") == 3
    assert len(short) < 300


def test_long_new_text_shows_only_the_beginning():
    short = drawn(shorten(compare("", "word " * 1000).after))

    assert short.endswith("…")
    assert len(short) < 600


@pytest.mark.parametrize(
    ("was", "will"),
    [
        ("a x " * 5000, "a y " * 5000),
        ("ax" * 40, "ay" * 40),
        ("a. x. " * 70, "a. y. " * 70),
        ("q" * 50_000, "r" * 50_000),
    ],
)
def test_hostile_texts_are_compared_quickly(was, will):
    started = time.perf_counter()
    compare(was, will)

    assert time.perf_counter() - started < 2


# A value can contain anything but surrogates; unusual characters are drawn more often on purpose.
TEXTS = st.text(
    st.one_of(st.sampled_from("ab \n\r\t\u200b\u202e\u00a0é\u0301"), st.characters(codec="utf-8")), max_size=120
)


@given(TEXTS, TEXTS)
def test_marking_preserves_the_text(was, will):
    found = compare(was, will)

    for side, text in ((found.before, was), (found.after, will)):
        kept = "".join(part.text for part in side if part.kind not in (PartKind.BREAK,))
        assert kept.replace("\r\n", "").replace("\n", "") == text.replace("\r\n", "").replace("\n", "")


@given(TEXTS, TEXTS)
def test_different_texts_show_a_difference(was, will):
    found = compare(was, will)

    marked = any(part.changed for part in (*found.before, *found.after))
    assert marked == (was != will)


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("petra@acme.com", ()),
        ("pеtra@acme.com", ("Cyrillic", "Latin")),
        ("Мария Schmidt", ()),
        ("Ωmega", ("Greek", "Latin")),
    ],
)
def test_mixed_alphabets_are_detected(text, scripts):
    assert characters.mixed_scripts(text) == scripts
