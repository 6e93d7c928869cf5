"""OData, FetchXML and SQL find the same rows as plain Python."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox

RUN = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ACME, NORD = (f"00000000-0000-0000-0000-00000000000{letter}" for letter in "ab")
FIRMS = {ACME: "Acme", NORD: "Ñord"}
PLAIN = str.maketrans({"ä": "a", "Ä": "a", "é": "e", "ñ": "n", "Ñ": "n", "ß": "ss", "ﬁ": "fi"})
WORDS = (
    "a",
    "A",
    "ä",
    "ab",
    "ÄB",
    "a%",
    "a_b",
    "[a]",
    "O'Hara",
    'o"h',
    "Straße",
    "STRASSE",
    "é & <é>",
    "ﬁn",
    "a;b",
    "+1",
    "日本",
    "🙂",
)
Person = Mapping[str, object]
PEOPLE: list[dict[str, object]] = [
    {
        "lastname": word,
        "jobtitle": WORDS[-number] if number % 3 else None,
        "numberofchildren": number % 5 if number % 4 else None,
        "creditlimit": number * 1.5 if number % 2 else None,
        "birthdate": f"19{80 + number}-0{1 + number % 3}-28" if number % 3 else None,
        "donotemail": number % 2 == 0,
        "gendercode": 1 + number % 2 if number % 5 else None,
        "parentcustomerid": (ACME, NORD, None)[number % 3],
    }
    for number, word in enumerate(WORDS)
]


def folded(value: object) -> object:
    return value.translate(PLAIN).lower() if isinstance(value, str) else value


def like(pattern: str, text: str) -> bool:
    """Match SQL Server's LIKE for patterns without brackets, letter by letter."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(pattern[1:], text[1:])


@dataclass(frozen=True)
class Question:
    """A condition in three languages, and as a Python function."""

    odata: str
    xml: str
    sql: str
    holds: Callable[[Person], bool]


COMPARISONS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
LITERALS = {
    "lastname": st.sampled_from(WORDS),
    "jobtitle": st.sampled_from(WORDS),
    "numberofchildren": st.integers(0, 5),
    "creditlimit": st.integers(0, 20),
    "birthdate": st.sampled_from(["1985-01-28", "1990-02-28", "1995-01-01"]),
    "donotemail": st.booleans(),
    "gendercode": st.integers(1, 2),
    "parentcustomerid": st.sampled_from([ACME, NORD]),
    "firm": st.sampled_from(["ACME", "nord", "nobody"]),
}
TEXTS = ("lastname", "jobtitle", "firm")
PROPERTIES = {"parentcustomerid": "_parentcustomerid_value", "firm": "parentcustomerid_account/name"}


def quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def of_firm(column: str) -> tuple[str, str]:
    """Return a column's name in FetchXML and SQL."""
    return (
        ('entityname="f" attribute="name"', "f.name") if column == "firm" else (f'attribute="{column}"', f"c.{column}")
    )


def value_of(person: Person, column: str) -> object:
    return folded(FIRMS.get(str(person["parentcustomerid"])) if column == "firm" else person[column])


def named(column: str, variable: str) -> str:
    """Return a column's name in OData, of a row or of the variable of a lambda."""
    return f"{variable}{PROPERTIES.get(column, column)}"


@st.composite
def comparisons(draw: st.DrawFn, variable: str = "") -> Question:
    column = draw(st.sampled_from(sorted(LITERALS)))
    is_ordered = column not in ("donotemail", "gendercode", "parentcustomerid")
    word = draw(st.sampled_from(sorted(COMPARISONS) if is_ordered else ["eq", "ne"]))
    value = draw(LITERALS[column])
    plain = str(value).lower() if isinstance(value, bool | int) else str(value)
    written = quoted(value) if column in TEXTS else plain
    attribute, name = of_firm(column)
    sql = f"{name} {COMPARISONS[word]} {quoted(int(value) if isinstance(value, bool) else value)}"

    def holds(person: Person) -> bool:
        found, sought = value_of(person, column), folded(value)
        if found is None:
            return word == "ne"
        return bool(getattr(operator, word)(found, sought))

    return Question(
        f"{named(column, variable)} {word} {written}",
        f'<condition {attribute} operator="{word}" value={quoteattr(plain)}/>',
        f"({sql} OR {name} IS NULL)" if word == "ne" else sql,
        holds,
    )


@st.composite
def patterns(draw: st.DrawFn, variable: str = "") -> Question:
    column = draw(st.sampled_from(TEXTS))
    word = draw(st.sampled_from(["contains", "startswith", "endswith"]))
    sought = (
        draw(st.one_of(LITERALS[column], st.sampled_from(["a", "_", "%b", "s%e"]))).replace("[", "").replace("]", "")
    )
    pattern = {"contains": f"%{sought}%", "startswith": f"{sought}%", "endswith": f"%{sought}"}[word]
    attribute, name = of_firm(column)
    return Question(
        f"{word}({named(column, variable)},{quoted(sought)})",
        f'<condition {attribute} operator="like" value={quoteattr(pattern)}/>',
        f"{name} LIKE {quoted(pattern)}",
        lambda person: (text := value_of(person, column)) is not None and like(str(folded(pattern)), str(text)),
    )


@st.composite
def absences(draw: st.DrawFn, variable: str = "") -> Question:
    column, is_there = draw(st.sampled_from(sorted(LITERALS))), draw(st.booleans())
    attribute, name = of_firm(column)
    return Question(
        f"{named(column, variable)} {'ne' if is_there else 'eq'} null",
        f'<condition {attribute} operator="{"not-null" if is_there else "null"}"/>',
        f"{name} IS {'NOT ' if is_there else ''}NULL",
        lambda person: (value_of(person, column) is not None) == is_there,
    )


def together(parts: list[Question], word: str) -> Question:
    every = all if word == "and" else any
    return Question(
        "(" + f" {word} ".join(part.odata for part in parts) + ")",
        f'<filter type="{word}">' + "".join(part.xml for part in parts) + "</filter>",
        "(" + f" {word.upper()} ".join(part.sql for part in parts) + ")",
        lambda person: every(part.holds(person) for part in parts),
    )


def questions(variable: str = "") -> st.SearchStrategy[Question]:
    return st.recursive(
        st.one_of(comparisons(variable), patterns(variable), absences(variable)),
        lambda inner: st.builds(together, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["and", "or"])),
        max_leaves=5,
    )


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with SandboxServer(tmp_path_factory.mktemp("languages") / "crm.sqlite3", world=EMPTY_WORLD) as server:
        running = Sandbox(server)
        running.reset(contacts=0)
        running.sign_in()
        for row_id, name in FIRMS.items():
            running.post("accounts", {"accountid": row_id, "name": name})
        for person in PEOPLE:
            body = {column: value for column, value in person.items() if column != "parentcustomerid"}
            firm = person["parentcustomerid"]
            bind = {"parentcustomerid_account@odata.bind": f"/accounts({firm})"} if firm else {}
            assert running.post("contacts", {**body, **bind}).status_code == 204
        yield running


def names(crm: Sandbox, path: str = "contacts", column: str = "lastname", **query: str) -> list[str]:
    """Return a column's values, over all pages of four."""
    found: list[str] = []
    headers = {"Prefer": "odata.maxpagesize=4"}
    answer = crm.session.get(crm.api + path, params={**query}, headers=headers)
    while True:
        assert answer.status_code == 200, (query, answer.text)
        found += [row[column] for row in answer.json()["value"]]
        if "@odata.nextLink" not in answer.json():
            return found
        answer = crm.session.get(answer.json()["@odata.nextLink"], headers=headers)


def check(crm: Sandbox, question: Question) -> None:
    link = '<link-entity name="account" from="accountid" to="parentcustomerid" link-type="outer" alias="f"/>'
    xml = f'<attribute name="lastname"/><order attribute="lastname"/><filter>{question.xml}</filter>{link}'
    join = "contact c LEFT JOIN account f ON f.accountid = c.parentcustomerid"
    sql = f"SELECT c.lastname FROM {join} WHERE {question.sql} ORDER BY c.lastname, c.contactid"  # noqa: S608 - a test's own

    by_odata = names(crm, **{"$filter": question.odata, "$orderby": "lastname,contactid"})

    assert sorted(by_odata) == sorted(str(person["lastname"]) for person in PEOPLE if question.holds(person))
    assert names(crm, fetchXml=f'<fetch><entity name="contact">{xml}</entity></fetch>') == by_odata
    assert names(crm, sql=sql) == by_odata
    assert [folded(name) for name in by_odata] == sorted(str(folded(name)) for name in by_odata)


@RUN
@given(question=questions())
def test_query_languages_agree_with_python(crm: Sandbox, question: Question) -> None:
    check(crm, question)


@pytest.mark.long
@settings(RUN, max_examples=1_000)
@given(question=questions())
def test_query_languages_agree_on_thousand_queries(crm: Sandbox, question: Question) -> None:
    check(crm, question)


@RUN
@given(question=questions("c/"), word=st.sampled_from(["any", "all"]))
def test_query_languages_agree_on_related_rows(crm: Sandbox, question: Question, word: str) -> None:
    behind = {firm: [person for person in PEOPLE if person["parentcustomerid"] == firm] for firm in FIRMS}
    holds = {"any": any, "all": all}[word]
    expected = sorted(name for firm, name in FIRMS.items() if holds(question.holds(person) for person in behind[firm]))

    by_odata = names(crm, "accounts", "name", **{"$filter": f"contact_customer_accounts/{word}(c:{question.odata})"})

    assert sorted(by_odata) == expected
    if word == "any" and "f.name" not in question.sql:
        link = '<link-entity name="contact" from="parentcustomerid" to="accountid" link-type="any">'
        xml = f'<filter>{link}<filter>{question.xml}</filter></link-entity></filter><attribute name="name"/>'
        join = "account f JOIN contact c ON c.parentcustomerid = f.accountid"
        sql = f"SELECT DISTINCT f.name FROM {join} WHERE {question.sql}"  # noqa: S608 - a test's own

        fetched = names(crm, "accounts", "name", fetchXml=f'<fetch><entity name="account">{xml}</entity></fetch>')
        assert sorted(fetched) == sorted(names(crm, "accounts", "name", sql=sql)) == expected
