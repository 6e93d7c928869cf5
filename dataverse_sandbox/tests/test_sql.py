"""The SDK's SQL: results of a SELECT, paging, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from dataverse_sandbox.tests.caller import Sandbox

ACME = "00000000-0000-0000-0000-00000000000a"


def ask(sandbox: Sandbox, sql: str, plural: str = "contacts", **headers: str) -> requests.Response:
    return sandbox.session.get(sandbox.api + plural, params={"sql": sql}, headers=headers)


def select(sandbox: Sandbox, sql: str, plural: str = "contacts") -> Any:
    """Return the rows without ETag and key, which are always included."""
    response = ask(sandbox, sql, plural)
    assert response.status_code == 200, response.text
    always = {"@odata.etag", f"{plural.removesuffix('s')}id"}
    return [{name: row[name] for name in row if name not in always} for row in response.json()["value"]]


@pytest.fixture
def people(sandbox: Sandbox) -> Sandbox:
    """Create Anna, Bert and Cora; Anna and Bert work for Acme."""
    sandbox.reset(contacts=0)
    sandbox.post("accounts", {"name": "Acme", "accountid": ACME})
    works = {"parentcustomerid_account@odata.bind": f"/accounts({ACME})"}
    rows: list[dict[str, object]] = [
        {"firstname": "Anna", "lastname": "Berg", "numberofchildren": 1, **works},
        {"firstname": "Bert", "lastname": "O'Hara", "numberofchildren": 4, "donotemail": True, **works},
        {"firstname": "Cora", "creditlimit": 12.5},
    ]
    for row in rows:
        assert sandbox.post("contacts", row).status_code == 204
    return sandbox


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("lastname = 'BERG'", ["Anna"]),
        ("lastname = N'O''Hara'", ["Bert"]),
        ("lastname <> 'Berg'", ["Bert"]),
        ("lastname IS NULL", ["Cora"]),
        ("lastname IS NOT NULL AND donotemail = 0", ["Anna"]),
        ("firstname LIKE '%r%'", ["Bert", "Cora"]),
        ("firstname NOT LIKE '%r%'", ["Anna"]),
        ("firstname IN ('anna', 'Cora')", ["Anna", "Cora"]),
        ("firstname NOT IN ('Anna')", ["Bert", "Cora"]),
        ("numberofchildren BETWEEN 1 AND 3", ["Anna"]),
        ("numberofchildren NOT BETWEEN 1 AND 3", ["Bert"]),
        ("creditlimit >= 12.5", ["Cora"]),
        ("(firstname = 'Anna' OR firstname = 'Bert') AND numberofchildren > 1", ["Bert"]),
        (f"parentcustomerid = '{ACME}'", ["Anna", "Bert"]),
        ("firstname <> lastname", ["Anna", "Bert"]),
    ],
)
def test_where_selects_matching_rows(people: Sandbox, where: str, names: list[str]) -> None:
    rows = select(people, f"SELECT firstname FROM contact WHERE {where} ORDER BY firstname")  # noqa: S608 - a test's own

    assert [row["firstname"] for row in rows] == names


def test_every_row_has_every_selected_column(people: Sandbox) -> None:
    rows = select(people, "SELECT firstname, lastname AS last, donotemail FROM contact AS c ORDER BY c.firstname DESC")

    assert rows[0] == {"firstname": "Cora", "last": None, "donotemail": False}
    assert rows[1] == {"firstname": "Bert", "last": "O'Hara", "donotemail": True}


def test_top_and_distinct_limit_the_rows(people: Sandbox) -> None:
    assert len(select(people, "SELECT TOP 2 firstname FROM contact")) == 2
    assert select(people, "SELECT DISTINCT TOP 5 statecode FROM contact") == [{"statecode": 0}]
    assert select(people, "SELECT TOP (0) firstname FROM contact") == []


def test_joins_return_columns_of_other_tables(people: Sandbox) -> None:
    both = "contact c {} JOIN account a ON c.parentcustomerid = a.accountid ORDER BY c.firstname"
    columns = "SELECT c.firstname, a.name FROM "

    inner = select(people, columns + both.format("INNER"))
    left = select(people, columns + both.format("LEFT"))

    assert inner == [{"firstname": "Anna", "name": "Acme"}, {"firstname": "Bert", "name": "Acme"}]
    assert left[2] == {"firstname": "Cora", "name": None}


def test_joins_can_start_at_any_table(people: Sandbox) -> None:
    rows = select(
        people,
        "SELECT a.name, maker.fullname AS made, o.fullname AS owner FROM account a "
        "JOIN systemuser maker ON a.createdby = maker.systemuserid "
        "JOIN contact c ON c.parentcustomerid = a.accountid "
        "LEFT OUTER JOIN systemuser o ON c.ownerid = o.systemuserid WHERE c.firstname = 'Anna'",
        "accounts",
    )

    assert rows == [{"name": "Acme", "made": "# Outlook Sync Portal", "owner": "# Outlook Sync Portal"}]


def test_aggregates_cover_all_rows_or_groups(people: Sandbox) -> None:
    total = select(
        people,
        "SELECT COUNT(*) AS n, COUNT(lastname) AS named, SUM(numberofchildren) AS s, AVG(numberofchildren) AS mean, "
        "MIN(numberofchildren) AS low, MAX(numberofchildren) AS high FROM contact",
    )
    groups = select(
        people,
        "SELECT a.name, COUNT(c.contactid) AS n FROM account a JOIN contact c ON a.accountid = c.parentcustomerid "
        "GROUP BY a.name ORDER BY n DESC",
        "accounts",
    )

    assert total == [{"n": 3, "named": 2, "s": 5, "mean": 2, "low": 1, "high": 4}]
    assert groups == [{"name": "Acme", "n": 2}]


def test_group_column_can_be_omitted(people: Sandbox) -> None:
    rows = select(people, "SELECT COUNT(*) AS n FROM contact GROUP BY firstname ORDER BY firstname")

    assert rows == [{"n": 1}] * 3


def test_offset_skips_first_rows(people: Sandbox) -> None:
    rows = select(people, "SELECT firstname FROM contact ORDER BY firstname OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY")

    assert rows == [{"firstname": "Bert"}]


@pytest.mark.parametrize("columns", ["firstname", "DISTINCT firstname"])
def test_long_results_have_next_links(people: Sandbox, columns: str) -> None:
    sql = f"SELECT {columns} FROM contact ORDER BY firstname"  # noqa: S608 - a test's own
    page = ask(people, sql, Prefer="odata.maxpagesize=2").json()

    following = people.get(page["@odata.nextLink"], Prefer="odata.maxpagesize=2").json()

    assert [row["firstname"] for row in page["value"] + following["value"]] == ["Anna", "Bert", "Cora"]
    assert "@odata.nextLink" not in following


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("DELETE FROM contact", "SELECT"),
        ("SELECT * FROM contact", "SELECT *"),
        ("SELECT firstname FROM account", "account"),
        ("SELECT firstname FROM planet", "planet"),
        ("SELECT foo FROM contact", "foo"),
        ("SELECT c.firstname FROM contact x", "'c'"),
        ("SELECT firstname FROM contact WHERE", "word"),
        ("SELECT firstname FROM contact WHERE firstname", "sign"),
        ("SELECT firstname FROM contact WHERE firstname ~ 'a'", "~"),
        ("SELECT firstname FROM contact UNION SELECT lastname FROM contact", "union"),
        ("SELECT firstname FROM contact GROUP BY firstname HAVING COUNT(*) > 1", "having"),
        ("SELECT firstname FROM contact RIGHT JOIN account a ON a.accountid = contact.parentcustomerid", "right"),
        ("SELECT firstname FROM contact JOIN account a ON a.accountid = a.accountid", "join"),
        ("SELECT firstname FROM contact WHERE contactid IN (SELECT contactid FROM contact)", "select"),
        ("SELECT upper(firstname) FROM contact", "upper"),
        ("SELECT firstname, COUNT(*) AS n FROM contact", "GROUP BY"),
        ("SELECT COUNT(*) FROM contact", "alias"),
        ("SELECT TOP 6000 firstname FROM contact", "5000"),
        ("SELECT firstname FROM contact; SELECT 1", ";"),
        ("SELECT numberofchildren FROM contact WHERE numberofchildren = 'x'", "x"),
        ("SELECT createdon FROM contact c JOIN account a ON a.accountid = c.parentcustomerid", "several"),
    ],
)
def test_rejected_sql_returns_400_with_reason(sandbox: Sandbox, sql: str, word: str) -> None:
    response = ask(sandbox, sql)

    assert response.status_code == 400
    assert word in response.json()["error"]["message"]
