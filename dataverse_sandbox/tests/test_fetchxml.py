"""FetchXML: results, paging and refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from dataverse_sandbox.tests.caller import Sandbox

FORMATTED = "OData.Community.Display.V1.FormattedValue"


def ask(sandbox: Sandbox, xml: str, **options: str) -> requests.Response:
    headers = {"Prefer": 'odata.include-annotations="*"'}
    name = re.search(r'<entity name="(\w+)"', xml)
    plural = "accounts" if name and name[1] == "account" else "contacts"
    return sandbox.session.get(sandbox.api + plural, params={"fetchXml": xml, **options}, headers=headers)


def fetch(sandbox: Sandbox, inner: str, *, entity: str = "contact", **attributes: object) -> Any:
    given = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    response = ask(sandbox, f'<fetch{given}><entity name="{entity}">{inner}</entity></fetch>')
    assert response.status_code == 200, response.text
    return response.json()


def found(sandbox: Sandbox, condition: str) -> list[str]:
    """Return the first names of the contacts that match a filter, in order."""
    order = '<attribute name="firstname"/><order attribute="firstname"/>'
    return [row["firstname"] for row in fetch(sandbox, f"{order}<filter>{condition}</filter>")["value"]]


def cond(column: str, operator: str, *values: object) -> str:
    inner = "".join(f"<value>{value}</value>" for value in values)
    return f'<condition attribute="{column}" operator="{operator}">{inner}</condition>'


@pytest.fixture
def people(sandbox: Sandbox) -> Sandbox:
    """Create Anna, Bert and Cora; Anna and Bert work for Acme."""
    sandbox.reset(contacts=0)
    sandbox.post("accounts", {"name": "Acme", "accountid": "00000000-0000-0000-0000-00000000000a"})
    works = {"parentcustomerid_account@odata.bind": "/accounts(00000000-0000-0000-0000-00000000000a)"}
    rows: list[dict[str, object]] = [
        {
            "firstname": "Anna",
            "lastname": "Berg",
            "gendercode": 2,
            "numberofchildren": 1,
            "birthdate": "1990-02-03",
            **works,
        },
        {"firstname": "Bert", "lastname": "berg", "gendercode": 1, "numberofchildren": 4, "donotemail": True, **works},
        {"firstname": "Cora", "jobtitle": "50% [sales]", "creditlimit": 12.5, "osync_topics": "410000000,410000002"},
    ]
    for row in rows:
        assert sandbox.post("contacts", row).status_code == 204
    return sandbox


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (cond("lastname", "eq", "BERG"), ["Anna", "Bert"]),
        (cond("lastname", "ne", "berg"), ["Cora"]),
        (cond("lastname", "null"), ["Cora"]),
        (cond("lastname", "not-null"), ["Anna", "Bert"]),
        (cond("firstname", "like", "%r%"), ["Bert", "Cora"]),
        (cond("firstname", "not-like", "%r%"), ["Anna"]),
        (cond("firstname", "like", "[ab]%"), ["Anna", "Bert"]),
        (cond("jobtitle", "like", "50[%] [[]%"), ["Cora"]),
        (cond("firstname", "begins-with", "c"), ["Cora"]),
        (cond("firstname", "ends-with", "a"), ["Anna", "Cora"]),
        (cond("firstname", "not-end-with", "a"), ["Bert"]),
        (cond("firstname", "in", "Anna", "CORA"), ["Anna", "Cora"]),
        (cond("lastname", "not-in", "Berg"), ["Cora"]),
        (cond("numberofchildren", "between", 1, 3), ["Anna"]),
        (cond("numberofchildren", "not-between", 1, 3), ["Bert", "Cora"]),
        (cond("numberofchildren", "gt", 1), ["Bert"]),
        (cond("gendercode", "eq", 2), ["Anna"]),
        (cond("donotemail", "eq", "true"), ["Bert"]),
        (cond("osync_topics", "contain-values", 410000002), ["Cora"]),
        (cond("osync_topics", "not-contain-values", 410000002), ["Anna", "Bert"]),
        (cond("createdby", "eq-userid"), ["Anna", "Bert", "Cora"]),
        (cond("createdby", "ne-userid"), []),
        (cond("birthdate", "on", "1990-02-03"), ["Anna"]),
        (cond("birthdate", "on-or-after", "1990-02-04"), []),
        (cond("birthdate", "olderthan-x-years", 20), ["Anna"]),
        (cond("createdon", "last-seven-days"), ["Anna", "Bert", "Cora"]),
        (cond("createdon", "last-x-hours", 1), ["Anna", "Bert", "Cora"]),
        (cond("createdon", "next-x-days", 1), []),
        (cond("createdon", "last-month"), []),
        ('<condition attribute="firstname" operator="ne" valueof="lastname"/>', ["Anna", "Bert"]),
    ],
)
def test_condition_selects_matching_rows(people: Sandbox, condition: str, names: list[str]) -> None:
    assert found(people, condition) == names


def test_nested_or_filter_matches_either_condition(people: Sandbox) -> None:
    either = f'<filter type="or">{cond("firstname", "eq", "Anna")}{cond("gendercode", "eq", 1)}</filter>'

    assert found(people, either) == ["Anna", "Bert"]
    assert found(people, either + cond("numberofchildren", "gt", 2)) == ["Bert"]


LINK = '<link-entity name="account" from="accountid" to="parentcustomerid" alias="firm" link-type="{}">{}</link-entity>'


def test_inner_link_omits_rows_without_match(people: Sandbox) -> None:
    columns = '<attribute name="firstname"/><order attribute="firstname"/>'
    link = LINK.format("inner", '<attribute name="name"/><attribute name="ownerid"/>')

    rows = fetch(people, columns + link)["value"]

    assert [(row["firstname"], row["firm.name"]) for row in rows] == [("Anna", "Acme"), ("Bert", "Acme")]
    assert rows[0][f"firm.ownerid@{FORMATTED}"] == "# Outlook Sync Portal"


def test_outer_link_filters_within_the_join(people: Sandbox) -> None:
    columns = '<attribute name="firstname"/><order attribute="firstname"/>'
    no_firm = LINK.format("outer", f'<attribute name="name"/><filter>{cond("name", "eq", "Other")}</filter>')

    rows = fetch(people, columns + no_firm)["value"]

    assert [row["firstname"] for row in rows] == ["Anna", "Bert", "Cora"]
    assert "firm.name" not in rows[0]


def test_linked_condition_applies_after_join(people: Sandbox) -> None:
    inner = (
        '<attribute name="firstname"/><filter><condition entityname="firm" attribute="name" operator="null"/></filter>'
    )

    rows = fetch(people, inner + LINK.format("outer", ""))["value"]

    assert [row["firstname"] for row in rows] == ["Cora"]


@pytest.mark.parametrize(("kind", "names"), [("any", ["Acme"]), ("not any", [])])
def test_link_in_filter_tests_existence(people: Sandbox, kind: str, names: list[str]) -> None:
    link = f'<link-entity name="contact" from="parentcustomerid" to="accountid" link-type="{kind}"/>'

    rows = fetch(people, f'<attribute name="name"/><filter>{link}</filter>', entity="account")["value"]

    assert [row["name"] for row in rows] == names


@pytest.mark.parametrize(
    ("operator", "names"),
    [("under", "bc"), ("eq-or-under", "abc"), ("above", ""), ("eq-or-above", "a"), ("not-under", "ad")],
)
def test_hierarchy_operators_find_relatives(sandbox: Sandbox, operator: str, names: str) -> None:
    sandbox.reset(contacts=0)
    for row in sandbox.rows("accounts"):
        sandbox.delete(f"accounts({row['accountid']})")
    ids = {name: f"00000000-0000-0000-0000-00000000000{name}" for name in "abcd"}
    for name, parent in (("a", ""), ("b", "a"), ("c", "b"), ("d", "")):
        bind = {"parentaccountid@odata.bind": f"/accounts({ids[parent]})"} if parent else {}
        assert sandbox.post("accounts", {"accountid": ids[name], "name": name, **bind}).status_code == 204

    where = f'<attribute name="name"/><filter>{cond("accountid", operator, ids["a"])}</filter>'

    assert sorted(row["name"] for row in fetch(sandbox, where, entity="account")["value"]) == list(names)


def test_first_match_returns_each_parent_once(people: Sandbox) -> None:
    people.post("accounts", {"name": "Nobody's"})
    link = '<link-entity name="contact" from="parentcustomerid" to="accountid" link-type="matchfirstrowusingcrossapply"'
    inner = f'{link} alias="c"><attribute name="firstname"/>{{}}</link-entity><order attribute="name"/>'
    bert = f"<filter>{cond('firstname', 'eq', 'Bert')}</filter>"

    rows = fetch(people, inner.format(bert), entity="account")["value"]

    assert [(row["name"], row.get("c.firstname")) for row in rows] == [("Acme", "Bert"), ("Nobody's", None)]
    assert len(fetch(people, inner.format(""), entity="account")["value"]) == 2


def test_aggregates_are_computed_per_group(people: Sandbox) -> None:
    inner = (
        '<attribute name="lastname" groupby="true" alias="name"/><order alias="name" descending="true"/>'
        '<attribute name="contactid" aggregate="count" alias="all"/>'
        '<attribute name="numberofchildren" aggregate="countcolumn" alias="known"/>'
        '<attribute name="numberofchildren" aggregate="sum" alias="sum"/>'
        '<attribute name="numberofchildren" aggregate="avg" alias="mean"/>'
        '<attribute name="numberofchildren" aggregate="max" alias="most"/>'
    )
    people.session.patch(
        f"{people.api}contacts({_id_of(people, 'Bert')})", json={"lastname": "Berg", "osync_revision": 1}
    )

    rows = fetch(people, inner, aggregate="true")["value"]

    assert _plain(rows[0]) == {"name": "Berg", "all": 2, "known": 2, "sum": 5, "mean": 2, "most": 4}
    assert _plain(rows[1]) == {"all": 1, "known": 0, "sum": 0}


def test_aggregates_group_by_date_parts(people: Sandbox) -> None:
    inner = (
        '<attribute name="birthdate" groupby="true" dategrouping="year" alias="year"/>'
        '<attribute name="gendercode" groupby="true" alias="gender"/>'
        '<attribute name="contactid" aggregate="count" alias="all"/><order alias="year" descending="true"/>'
    )

    first = fetch(people, inner, aggregate="true")["value"][0]

    assert _plain(first) == {"year": 1990, "gender": 2, "all": 1}
    assert first[f"gender@{FORMATTED}"] == "Female"


def test_too_many_rows_cannot_be_aggregated(people: Sandbox) -> None:
    xml = '<entity name="contact"><attribute name="contactid" aggregate="count" alias="n"/></entity>'

    response = ask(people, f'<fetch aggregate="true" aggregatelimit="2">{xml}</fetch>')

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "0x8004E023"


def test_distinct_query_returns_equal_rows_once(people: Sandbox) -> None:
    people.session.patch(
        f"{people.api}contacts({_id_of(people, 'Bert')})", json={"lastname": "Berg", "osync_revision": 1}
    )

    rows = fetch(people, '<attribute name="lastname"/><order attribute="lastname"/>', distinct="true")["value"]

    assert rows == [{}, {"lastname": "Berg"}]


def test_choices_and_lookups_sort_by_label(people: Sandbox) -> None:
    inner = '<attribute name="firstname"/><order attribute="{}" descending="true"/>'

    assert _first_names(fetch(people, inner.format("gendercode"))) == ["Bert", "Anna", "Cora"]
    assert _first_names(fetch(people, inner.format("gendercode"), useraworderby="true")) == ["Anna", "Bert", "Cora"]
    assert _first_names(fetch(people, inner.format("parentcustomerid")))[2] == "Cora"


def test_empty_properties_are_omitted(people: Sandbox) -> None:
    rows = fetch(people, '<attribute name="creditlimit"/><attribute name="lastname"/><order attribute="lastname"/>')[
        "value"
    ]

    assert "lastname" not in rows[0]
    assert rows[0]["creditlimit"] == 12.5
    assert rows[0]["contactid"] == _id_of(people, "Cora")


def test_total_row_count_is_returned_on_request(people: Sandbox) -> None:
    page = fetch(people, '<attribute name="firstname"/>', count=1, returntotalrecordcount="true")

    assert page["@odata.count"] == 3
    assert page["@Microsoft.Dynamics.CRM.totalrecordcount"] == 3
    assert page["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False


def test_annotations_are_omitted_by_default(people: Sandbox) -> None:
    xml = '<fetch count="1"><entity name="contact"><attribute name="gendercode"/></entity></fetch>'

    page = people.session.get(f"{people.api}contacts", params={"fetchXml": xml}).json()

    assert set(page) == {"@odata.context", "value"}
    assert not [name for name in page["value"][0] if "@" in name and name != "@odata.etag"]


@pytest.mark.parametrize(
    ("xml", "status", "word"),
    [
        ("<fetch", 400, "Invalid XML"),
        ("<!DOCTYPE x><fetch/>", 400, "document type"),
        ("<fetch/>", 400, "exactly one"),
        ('<fetch><entity name="account"/></fetch>', 400, "account"),
        ('<fetch><entity name="contact"><attribute name="foo"/></entity></fetch>', 400, "foo"),
        ('<fetch><entity name="contact"><foo/></entity></fetch>', 400, "foo"),
        ('<fetch foo="1"><entity name="contact"/></fetch>', 501, "foo"),
        ('<fetch top="1" page="2"><entity name="contact"/></fetch>', 400, "top"),
        ('<fetch count="0"><entity name="contact"/></fetch>', 400, "count"),
        ('<fetch count="6000"><entity name="contact"/></fetch>', 400, "5000"),
        ('<fetch page="12"><entity name="contact"/></fetch>', 400, "cookie"),
        ('<fetch page="2" paging-cookie="x"><entity name="contact"/></fetch>', 400, "Cookie"),
        (
            f'<fetch><entity name="contact"><filter>{cond("lastname", "above", 1)}</filter></entity></fetch>',
            501,
            "hierarchy",
        ),
        (
            f'<fetch><entity name="contact"><filter>{cond("gendercode", "eq", "x")}</filter></entity></fetch>',
            400,
            "x",
        ),
        (
            f'<fetch><entity name="contact"><filter>{cond("contactid", "eq", "x")}</filter></entity></fetch>',
            400,
            "x",
        ),
        (
            f'<fetch><entity name="contact"><filter>{cond("lastname", "today")}</filter></entity></fetch>',
            400,
            "date",
        ),
        (
            f'<fetch><entity name="contact"><filter>{cond("birthdate", "last-x-days", 0)}</filter></entity></fetch>',
            400,
            "0",
        ),
        (f'<fetch><entity name="contact">{LINK.format("any", "")}</entity></fetch>', 501, "any"),
        (f'<fetch><entity name="contact">{LINK.format("inner", "") * 2}</entity></fetch>', 400, "firm"),
        ('<fetch aggregate="true"><entity name="contact"><attribute name="lastname"/></entity></fetch>', 400, "alias"),
        ('<fetch><entity name="contact"><link-entity name="foo" from="a" to="b"/></entity></fetch>', 400, "foo"),
    ],
)
def test_invalid_query_is_refused_with_reason(sandbox: Sandbox, xml: str, status: int, word: str) -> None:
    response = sandbox.session.get(f"{sandbox.api}contacts", params={"fetchXml": xml})

    assert response.status_code == status
    assert word in response.json()["error"]["message"]


def test_too_many_links_have_own_error_code(sandbox: Sandbox) -> None:
    links = "".join(LINK.format("outer", "").replace("firm", f"firm{number}") for number in range(16))

    response = ask(sandbox, f'<fetch><entity name="contact">{links}</entity></fetch>')

    assert response.json()["error"]["code"] == "0x8004430D"


def _id_of(sandbox: Sandbox, first_name: str) -> str:
    return str(sandbox.rows(f"contacts?$select=contactid&$filter=firstname eq '{first_name}'")[0]["contactid"])


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if "@" not in name}


def _first_names(page: Any) -> list[str]:
    return [row["firstname"] for row in page["value"]]


@pytest.mark.parametrize("text", ["2/3/1990", "02/03/1990 12:00:00 AM", "2/3/1990 0:00", "1990-02-03"])
def test_slash_dates_are_month_first(people: Sandbox, text: str) -> None:
    assert found(people, cond("birthdate", "on", text)) == ["Anna"]
    assert found(people, cond("birthdate", "on-or-after", text)) == ["Anna"]
    assert found(people, cond("birthdate", "lt", text)) == []


@pytest.mark.parametrize(("text", "status"), [("15/2/2026", 501), ("2.3.1990", 501), ("1990-13-40", 400), ("x", 400)])
def test_other_date_formats_are_refused(people: Sandbox, text: str, status: int) -> None:
    condition = f'<filter><condition attribute="birthdate" operator="ge" value="{text}"/></filter>'

    assert ask(people, f'<fetch><entity name="contact">{condition}</entity></fetch>').status_code == status
