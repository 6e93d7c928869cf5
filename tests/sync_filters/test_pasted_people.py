"""Pasted and uploaded text: the users that it names, and the report of everything else."""

from __future__ import annotations

import unicodedata

import pytest

from syncapp.models import FilterUser
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import named_users, targets
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db

PEOPLE = {"a": "Ann Abel", "b": "Bob Bell", "c": "Cid Cox", "d": "Dan Day", "f": "Fay Fox"}


@pytest.fixture(autouse=True)
def people() -> dict[str, FilterUser]:
    return {
        key: make_user(name, address=f"{key}@contoso.example", address_key=f"{key}@contoso.example", login=login)
        for (key, name), login in zip(PEOPLE.items(), LOGINS, strict=True)
    }


LOGINS = [f"{key}@contoso.example" for key in PEOPLE]


def found(text: str) -> str:
    """Return the letters of the users that the text names, in its order."""
    who = targets.of_names(text)
    addresses = dict(FilterUser.objects.values_list("pk", "address"))
    return "".join(addresses[user_id][0] for user_id in who.ids)


def left_out(text: str) -> list[str]:
    who = targets.of_names(text)
    return [*who.unknown, *(each.text for each in who.ambiguous)]


ALL = "abcd"


@pytest.mark.parametrize(
    "line",
    [
        "a@contoso.example, b@contoso.example, c@contoso.example, d@contoso.example",
        "a@contoso.example; b@contoso.example; c@contoso.example; d@contoso.example;",
        "a@contoso.example b@contoso.example c@contoso.example\td@contoso.example",
        "Ann Abel <a@contoso.example>; Bob Bell <b@contoso.example>; Cid <c@contoso.example>; <d@contoso.example>",
        "Ann Abel <a@contoso.example>, Bell, Bob <b@contoso.example>, c@contoso.example, Dan Day <d@contoso.example>",
        '"Abel, Ann" <a@contoso.example>, "Bell, Bob" <b@contoso.example>, Cid Cox, <d@contoso.example>',
        "Ann Abel; Bob Bell; Cid Cox; Dan Day",
        "Ann Abel, Bob Bell, Cid Cox, Dan Day",
        "Abel, Ann; Bell, Bob; Cox, Cid; Day, Dan",
        "Abel, Ann\nBell, Bob\nCox, Cid\nDay, Dan",
        "smtp:a@contoso.example; smtp:b@contoso.example; mailto:c@contoso.example; MAILTO:d@contoso.example?subject=x",
        "CONTOSO\\a; CONTOSO\\b\nCONTOSO\\c, CONTOSO\\d",
        "“Ann Abel”\n'b@contoso.example'\n(c@contoso.example)\nDan Day",
    ],
)
def test_several_people_on_one_line_are_read(line: str) -> None:
    assert (found(line), left_out(line)) == (ALL, [])


TABLES = {
    "a quoted cell over three lines": ('Mail;Street\nb@contoso.example;"c/o\nFay Fox\n12345 Town"\n', "b"),
    "aliases in a quoted cell": ('a@contoso.example,"SMTP:a@contoso.example;smtp:x@y.example"', "a"),
    "aliases in a line": ("SMTP:a@contoso.example;smtp:x@y.example\nsmtp:z@y.example;SMTP:b@contoso.example", "ab"),
    "headings": ("E-Mail;Name\na@contoso.example;Ann\nb@contoso.example;Bob", "ab"),
    "headings of one column": ("Name\nAnn Abel\nBob Bell", "ab"),
    "several in a row of one column": ("E-Mail\na@contoso.example, b@contoso.example\nc@contoso.example", "abc"),
    "more cells than headings": ("Mail;Name\na@contoso.example;;b@contoso.example\nc@contoso.example;Cid;", "abc"),
    "a longer row without headings": (
        "Cid;c@contoso.example\n" * 5 + "a@contoso.example;b@contoso.example;d@contoso.example",
        "cabd",
    ),
    "the address in the second column": ("Display name,User principal name\nAnn,a@contoso.example", "a"),
    "a separator line": ("sep=;\nLogin;E-Mail\nxx;a@contoso.example", "a"),
    "a type line": ('#TYPE Selected.User\n"Name","Mail"\n"Xx","a@contoso.example"', "a"),
    "users of Microsoft 365": (
        "Block credential,City,Display name,User principal name\n"
        "False,Bonn,Ann,a@contoso.example\nFalse,Bonn,Bob,b@contoso.example\nFalse,Bonn,Cid,c@contoso.example",
        "abc",
    ),
    "headings in German": (
        "Anmeldename;Anzeigename;E-Mail\na1;Ann Abel;a@contoso.example\nb1;Bob;b@contoso.example",
        "ab",
    ),
    "no headings": ("Ann;a@contoso.example;Bonn\nBob;b@contoso.example;Köln\n", "ab"),
    "a second column of managers": (
        "Mail;Manager mail\na@contoso.example;b@contoso.example\nc@contoso.example;b@contoso.example",
        "ac",
    ),
    "first and last names": ("First name,Last name\nAnn,Abel\nBob,Bell", "ab"),
    "a row without an address": ("Name,Mail,City\nAnn Abel,,Bonn\nBob,b@contoso.example,Bonn", "ab"),
    "tabs": ("Ann\ta@contoso.example\r\nBob\tb@contoso.example\r\n", "ab"),
    "headings in Finnish": ("Sähköposti;Nimi\na@contoso.example;Ann\nb@contoso.example;Bob", "ab"),
}


@pytest.mark.parametrize("name", TABLES)
def test_people_are_read_from_table(name: str) -> None:
    text, letters = TABLES[name]

    assert (found(text), left_out(text)) == (letters, [])


@pytest.mark.parametrize(
    "line",
    [
        "\u200ba@contoso.example",
        "b@contoso.example\n\ufeffa@contoso.example",
        "Ann\u00a0Abel",
        "Ann  Abel",
        "a@con\u00adtoso.example",
        "ａ＠contoso.example",
        "Ann\u2028Abel",
    ],
)
def test_invisible_characters_are_ignored(line: str) -> None:
    assert "a" in found(line)
    assert left_out(line) == []


def test_decomposed_name_matches_composed_one() -> None:
    lena = make_user("Lena Schäfer")

    assert targets.of_names(unicodedata.normalize("NFD", "Lena Schäfer")).ids == (lena.pk,)


def test_name_with_last_name_first_matches() -> None:
    klara, carina = make_user("Klara Mattsson"), make_user("Mattsson, Carina")
    text = "Mattsson, Klara\nMattsson, Carina\nMattsson, Olof"

    who = targets.of_names(text)

    assert (who.ids, who.unknown) == ((klara.pk, carina.pk), ("Mattsson, Olof",))
    assert targets.of_names("Carina Mattsson").ids == (carina.pk,)
    assert found("Abel, Ann <a@contoso.example>") == "a"


def test_unread_entries_are_reported() -> None:
    text = f"a@contoso.example, nobody@else.example; {'x' * 400}\nBob Bell;Fay Fox;Sales\nNo Body, Cid Cox"

    who = targets.of_names(text)

    assert found(text) == "ab"
    assert "nobody@else.example" in who.unknown
    told = " ".join([*who.unknown, *who.unread])
    for words in ("longer than 320 characters", "Fay Fox", "No Body", "Cid Cox"):
        assert words in told, words


def test_field_above_csv_limit_is_reported() -> None:
    who = targets.of_names("x" * 140_000 + '\na@contoso.example\n"' + "y\n" * 90_000)

    assert [str(user) for user in who.ids] == [str(FilterUser.objects.get(name="Ann Abel").pk)]
    assert "Line 1" in who.unread[0]
    assert "y" in who.unknown


def test_unclosed_quote_loses_no_line() -> None:
    assert found('"Ann Abel\nBob Bell\n"Cid Cox\nDan Day\n"') == ALL


def test_saved_list_keeps_one_person_per_entry() -> None:
    text = "Ann Abel <a@contoso.example>; b@contoso.example\nCox, Cid\nSMTP:x@y.example;smtp:d@contoso.example\nnobody"

    kept = user_lists.save("Riva", named_users.find(text).texts, by=None)

    assert [FilterUser.objects.get(pk=each).address[0] for each in user_lists.matched_user_ids(kept)] == list(ALL)
    assert [entry.text for entry in user_lists.unmatched_entries(kept)] == ["nobody"]
