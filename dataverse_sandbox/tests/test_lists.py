"""Lists: selecting columns, filtering, ordering, counting, paging, annotations."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox.tests.caller import ALL_ANNOTATIONS, Sandbox


@pytest.fixture
def people(sandbox: Sandbox) -> Sandbox:
    """Create five contacts with known values besides the three of the reset."""
    for number, (name, limit, day) in enumerate(
        [
            ("Ada", 10.0, None),
            ("ada", 20.5, "1990-01-01"),
            ("Bo", None, "1985-05-05"),
            ("Bo", 30, None),
            ("%", 40, None),
        ]
    ):
        body: dict[str, object] = {
            "firstname": name,
            "lastname": f"Test{number}",
            "creditlimit": limit,
            "birthdate": day,
        }
        if number == 0:
            body |= {"lastonholdtime": "2026-01-31T23:30:00Z", "osync_topics": "410000000,410000002"}
        sandbox.post("contacts", {**body, "numberofchildren": number, "donotfax": number % 2 == 0})
    return sandbox


def found(sandbox: Sandbox, condition: str) -> set[str]:
    rows = sandbox.rows(f"contacts?$select=lastname&$filter=startswith(lastname,'Test') and ({condition})")
    return {row["lastname"].removeprefix("Test") for row in rows}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("firstname eq 'ada'", "01"),
        ("firstname ne 'ada'", "234"),
        ("contains(firstname,'DA')", "01"),
        ("contains(firstname,'%')", "01234"),
        ("contains(firstname,'[%]') or startswith(firstname,'[^ab%]')", "4"),
        ("firstname eq 'ÁDA' or endswith(firstname,'_Ò')", "0123"),
        ("endswith(lastname,'t3')", "3"),
        ("creditlimit gt 20", "134"),
        ("creditlimit ge 20.5 and creditlimit lt 40", "13"),
        ("creditlimit eq null", "2"),
        ("creditlimit ne null", "0134"),
        ("not (creditlimit gt 20)", "0"),
        ("firstname eq 'Bo' or numberofchildren eq 0", "023"),
        ("firstname eq 'Bo' and (numberofchildren eq 2 or numberofchildren eq 0)", "2"),
        ("donotfax eq true", "024"),
        ("birthdate lt 1986-01-01", "2"),
        ("createdon gt 2020-01-01T00:00:00Z", "01234"),
        ("createdon gt 2020-01-01", "01234"),
        ("preferredcontactmethodcode eq 1", "01234"),
        ("lastonholdtime lt 2026-01-31T23:30:00.5Z and lastonholdtime gt 2026-02-01T00:29:59.5%2B01:00", "0"),
        ("osync_topics eq '410000002,410000000'", "0"),
        ("lastname eq 'it''s'", ""),
    ],
)
def test_filter_selects_matching_rows(people: Sandbox, condition: str, expected: str) -> None:
    assert found(people, condition) == set(expected)


def test_filter_matches_id_and_lookup(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    company = contact["_parentcustomerid_value"]

    by_id = sandbox.rows(f"contacts?$filter=contactid eq {contact['contactid'].upper()}")
    by_text = sandbox.rows(f"contacts?$filter=contactid eq '{{{contact['contactid']}}}'")
    by_company = sandbox.rows(f"contacts?$filter=_parentcustomerid_value eq {company}")
    assert [row["contactid"] for row in by_id] == [row["contactid"] for row in by_text] == [contact["contactid"]]
    assert contact["contactid"] in {row["contactid"] for row in by_company}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$filter=nosuch eq 1", 400),
        ("$filter=firstname eq", 400),
        ("$filter=firstname eq 1", 400),
        ("$filter=creditlimit eq 'a'", 400),
        ("$filter=contactid eq 'a'", 400),
        ("$select=nosuch", 400),
        ("$orderby=nosuch", 400),
        ("$orderby=firstname sideways", 400),
        ("$top=0", 400),
        ("$skiptoken=rubbish", 400),
        ("$filter=year(createdon) eq 2026", 501),
        ("$filter=creditlimit add 1 eq 2", 501),
        ("$skip=3", 501),
    ],
)
def test_bad_queries_are_refused(sandbox: Sandbox, query: str, status: int) -> None:
    assert sandbox.get(f"contacts?{query}").status_code == status


def test_select_adds_key_etag_and_currency(sandbox: Sandbox) -> None:
    plain = sandbox.rows("contacts?$select=firstname")[0]
    money = sandbox.rows("contacts?$select=creditlimit")[0]

    assert set(plain) == {"@odata.etag", "contactid", "firstname"}
    assert set(money) == {"@odata.etag", "contactid", "creditlimit", "_transactioncurrencyid_value"}


def test_pages_follow_order_without_gaps(people: Sandbox) -> None:
    path = "contacts?$select=creditlimit,firstname&$orderby=creditlimit desc,firstname"
    whole = [row["contactid"] for row in people.rows(path)]

    paged: list[str] = []
    link = path
    while link:
        page = people.get(link, Prefer="odata.maxpagesize=2").json()
        paged += [row["contactid"] for row in page["value"]]
        link = page.get("@odata.nextLink")
    assert len(whole) == 8
    assert paged == whole


def test_deletion_between_pages_skips_nothing(people: Sandbox) -> None:
    first = people.get("contacts?$orderby=createdon", Prefer="odata.maxpagesize=3").json()
    people.delete(f"contacts({first['value'][0]['contactid']})")

    rest = people.get(first["@odata.nextLink"]).json()["value"]

    assert len({row["contactid"] for row in [*first["value"], *rest]}) == 8


def test_order_puts_empty_values_first(people: Sandbox) -> None:
    rows = people.rows("contacts?$filter=startswith(lastname,'Test')&$orderby=creditlimit")

    assert [row["creditlimit"] for row in rows] == [None, 10, 20.5, 30, 40]


def test_top_returns_no_next_link(people: Sandbox) -> None:
    top = people.get("contacts?$top=2").json()
    sized = people.get("contacts?$top=2", Prefer="odata.maxpagesize=3").json()

    assert (len(top["value"]), "@odata.nextLink" in top) == (2, False)
    assert (len(sized["value"]), "@odata.nextLink" in sized) == (3, True)


def test_rows_are_counted(people: Sandbox) -> None:
    assert people.get("contacts?$count=true&$top=1").json()["@odata.count"] == 8
    assert people.get("contacts/$count?$filter=firstname eq 'Bo'").text == "2"
    assert people.get("contacts/$count").text == "8"


@pytest.mark.parametrize(
    ("column", "sent", "label"),
    [
        ("preferredcontactmethodcode", 3, "Phone"),
        ("osync_topics", "410000000,410000001", "Logistics; Energy"),
        ("donotemail", True, "Do Not Allow"),
        ("creditlimit", 1234.5, "€1,234.50"),
        ("osync_discount", 2.5, "2.500"),
        ("numberofchildren", 1200, "1,200"),
        ("birthdate", "2026-11-05", "11/5/2026"),
        ("lastonholdtime", "2026-11-20T21:05:00Z", "11/20/2026 9:05 PM"),
    ],
)
def test_labels_are_returned_on_request(sandbox: Sandbox, column: str, sent: object, label: str) -> None:
    path = f"contacts({sandbox.contact()['contactid']})?$select={column}"
    sandbox.patch(path.partition("?")[0], {column: sent, "osync_revision": 5})

    with_labels: dict[str, Any] = sandbox.get(path, **ALL_ANNOTATIONS).json()

    annotation = f"{column}@OData.Community.Display.V1.FormattedValue"
    assert with_labels[annotation] == label
    assert annotation not in sandbox.get(path).json()


@pytest.mark.parametrize(
    "preference",
    [
        "odata.include-annotations=OData.Community.Display.V1.FormattedValue,odata.maxpagesize=2",
        'odata.maxpagesize=2, odata.include-annotations="OData.Community.Display.V1.FormattedValue"',
        "odata.maxpagesize=2;odata.include-annotations=OData.Community.Display.V1.*",
        'odata.include-annotations="Microsoft.*,OData.*",odata.maxpagesize=2',
    ],
)
def test_preferences_may_be_quoted(sandbox: Sandbox, preference: str) -> None:
    page = sandbox.get("contacts?$select=gendercode,statecode", Prefer=preference)

    assert len(page.json()["value"]) == 2
    assert "statecode@OData.Community.Display.V1.FormattedValue" in page.json()["value"][0]
    assert "odata.maxpagesize=2" in page.headers["Preference-Applied"]


def test_links_use_the_requested_host(sandbox: Sandbox) -> None:
    by_name = sandbox.api.replace("127.0.0.1", "localhost")

    page = sandbox.get(f"{by_name}contacts", Prefer="odata.maxpagesize=1").json()

    assert page["@odata.nextLink"].startswith(by_name)
