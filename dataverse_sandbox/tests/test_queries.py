"""Queries of lists: related rows, functions, lambdas, aggregation, sorting."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import ALL_ANNOTATIONS, Sandbox

JONAS = config.EDITOR.user_id
CRM = "Microsoft.Dynamics.CRM"
SMALL = "odata.maxpagesize=1"


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["lastname"] for row in rows]


@pytest.fixture
def people(sandbox: Sandbox) -> Sandbox:
    """Create four special contacts in two companies."""
    sandbox.reset(contacts=0)
    first, second = (_make(sandbox, "accounts", name=name) for name in ("North Ltd", "South Ltd"))
    for number, (name, company, credit) in enumerate(
        [("Adams", first, 100), ("Baker", first, 200), ("clark", second, 300), ("Davis", None, None)]
    ):
        bind = {"parentcustomerid_account@odata.bind": f"/accounts({company})"} if company else {}
        born = f"198{number}-01-01"
        _make(sandbox, "contacts", lastname=name, creditlimit=credit, birthdate=born, gendercode=1 + number % 2, **bind)
    return sandbox


def _make(sandbox: Sandbox, path: str, **values: object) -> str:
    made = sandbox.post(path, values)
    assert made.status_code == 204, made.text
    return str(made.headers["OData-EntityId"].rpartition("(")[2].rstrip(")"))


def found(sandbox: Sandbox, where: str) -> list[str]:
    return names(sandbox.rows(f"contacts?$filter={where}&$orderby=lastname"))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("startswith(lastname,'c')", ["clark"]),
        ("startswith(lastname,'C')", ["clark"]),
        ("not contains(lastname,'a')", []),
        ("parentcustomerid_account/name eq 'north ltd'", ["Adams", "Baker"]),
        ("parentcustomerid_account/name ne null and creditlimit gt 150", ["Baker", "clark"]),
        ("100 lt creditlimit", ["Baker", "clark"]),
        ("lastname eq fullname", ["Adams", "Baker", "clark", "Davis"]),
        (f"{CRM}.In(PropertyName='lastname',PropertyValues=['Baker','clark'])", ["Baker", "clark"]),
        (f"{CRM}.NotIn(PropertyName='gendercode',PropertyValues=['1'])", ["Baker", "Davis"]),
        (f"{CRM}.Between(PropertyName='creditlimit',PropertyValues=['150','300'])", ["Baker", "clark"]),
        (f"{CRM}.Today(PropertyName='createdon')", ["Adams", "Baker", "clark", "Davis"]),
        (f"{CRM}.Yesterday(PropertyName='createdon')", []),
        (f"{CRM}.LastXDays(PropertyName='createdon',PropertyValue=2) and lastname eq 'Adams'", ["Adams"]),
        (f"{CRM}.OlderThanXYears(PropertyName='birthdate',PropertyValue=20)", ["Adams", "Baker", "clark", "Davis"]),
        (f"{CRM}.On(PropertyName='birthdate',PropertyValue='1981-01-01')", ["Baker"]),
        (f"{CRM}.EqualUserId(PropertyName='ownerid')", ["Adams", "Baker", "clark", "Davis"]),
        (f"{CRM}.NotEqualUserId(PropertyName='ownerid')", []),
        ("lastname eq @p&@p='Baker'", ["Baker"]),
        ("@column ne @missing and @column gt 150&@column=creditlimit", ["Baker", "clark"]),
        (f'{CRM}.In(PropertyName=@p1,PropertyValues=@p2)&@p1=\'lastname\'&@p2=["O\'Hara","Baker"]', ["Baker"]),
    ],
)
def test_condition_selects_rows(people: Sandbox, where: str, expected: list[str]) -> None:
    assert found(people, where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("contact_customer_accounts/any(c:c/lastname eq 'Baker')", ["North Ltd"]),
        ("contact_customer_accounts/any(c:c/creditlimit gt 250)", ["South Ltd"]),
        ("contact_customer_accounts/all(c:c/creditlimit lt 250)", ["North Ltd"]),
        ("contact_customer_accounts/any()", ["North Ltd", "South Ltd"]),
        ("not contact_customer_accounts/any(c:c/gendercode eq 2)", ["South Ltd"]),
    ],
)
def test_lambda_filters_by_collection(people: Sandbox, where: str, expected: list[str]) -> None:
    rows = people.rows(f"accounts?$filter={where}&$orderby=name")
    assert [row["name"] for row in rows] == expected


def test_lambda_filters_by_many_to_many_relationship(people: Sandbox) -> None:
    where = f"teammembership_association/any(u:u/systemuserid eq {JONAS})"
    assert [team["name"] for team in people.rows(f"teams?$filter={where}")] == ["Sales North"]


def test_single_valued_expansion_is_row_or_null(people: Sandbox) -> None:
    rows = people.rows("contacts?$select=lastname&$expand=parentcustomerid_account($select=name)&$orderby=lastname")

    companies = [row["parentcustomerid_account"] and row["parentcustomerid_account"]["name"] for row in rows]
    assert companies == ["North Ltd", "North Ltd", "South Ltd", None]
    assert "_parentcustomerid_value" not in rows[0]


def test_collection_expansion_takes_query_options(people: Sandbox) -> None:
    inner = "contact_customer_accounts($select=lastname;$orderby=lastname desc;$top=1)"
    [north] = people.rows(f"accounts?$filter=name eq 'North Ltd'&$expand={inner}")
    assert names(north["contact_customer_accounts"]) == ["Baker"]

    inner = "contact_customer_accounts($filter=creditlimit lt 150;$expand=parentcustomerid_account($select=name))"
    row = people.get(f"accounts({north['accountid']})?$expand={inner}").json()
    assert names(row["contact_customer_accounts"]) == ["Adams"]
    assert row["contact_customer_accounts"][0]["parentcustomerid_account"]["name"] == "North Ltd"


@pytest.mark.parametrize("nested", ["", ";$expand=createdby($select=fullname)"])
def test_expanded_rows_and_next_link_give_all_rows(people: Sandbox, nested: str) -> None:
    expand = f"contact_customer_accounts($select=lastname;$filter=lastname ne 'O''Hara'{nested})"
    [north] = people.get(f"accounts?$filter=name eq 'North Ltd'&$expand={expand}", Prefer=SMALL).json()["value"]
    within = names(north["contact_customer_accounts"])
    behind = names(people.rows(north["contact_customer_accounts@odata.nextLink"]))

    assert (len(within), len(behind)) == ((1, 1) if nested else (2, 2))
    assert {*within, *behind} == {"Adams", "Baker"}


def test_owner_expands_to_user(people: Sandbox) -> None:
    [row] = people.as_user("Jonas Weber").rows("userqueries?$filter=returnedtypecode eq 'task'&$expand=ownerid")
    assert row["ownerid"]["fullname"] == "Jonas Weber"


def test_expansion_needs_read_privilege(people: Sandbox) -> None:
    people.give_roles("Jonas Weber", "Delegate")
    assert people.as_user("Jonas Weber").get("sdkmessages?$expand=createdby").status_code == 403


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        ("aggregate($count as n,creditlimit with sum as total)", [{"n": 4, "total": 600}]),
        ("aggregate(creditlimit with average as mean,lastname with countdistinct as n)", [{"mean": 200, "n": 4}]),
        ("groupby((gendercode),aggregate(creditlimit with max as top))", [{"top": 300}, {"top": 200}]),
        ("filter(creditlimit gt 150)/groupby((gendercode),aggregate($count as n))", [{"n": 1}, {"n": 1}]),
        ("groupby((parentcustomerid_account/name))", [{}, {}, {}]),
    ],
)
def test_apply_option_aggregates_rows(people: Sandbox, apply: str, expected: list[dict[str, Any]]) -> None:
    rows = people.rows(f"contacts?$apply={apply}")
    assert [{name: row[name] for name in wanted} for row, wanted in zip(rows, expected, strict=True)] == expected


def test_aggregates_match_documented_examples(people: Sandbox) -> None:
    path = "contacts?$apply=groupby((parentcustomerid_account/name,gendercode),aggregate(creditlimit with sum as total,"
    rows = people.get(f"{path}$count as n))&$orderby=parentcustomerid_account/name", **ALL_ANNOTATIONS).json()["value"]

    label = "OData.Community.Display.V1.FormattedValue"
    assert rows[0] == {"gendercode": 2, f"gendercode@{label}": "Female", "n": 1, f"n@{label}": "1"}
    assert rows[1]["account_name"] == "North Ltd"
    assert rows[1][f"total@{label}"] == "€100.00"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$apply=groupby((createdon))", 400),
        ("$apply=aggregate(lastname with sum as x)", 400),
        ("$apply=groupby((gendercode),aggregate($count as n))&$orderby=n", 400),
        ("$apply=compute(creditlimit add 1 as x)", 501),
        ("$filter=lastname in ('adams','Davis')", 501),
        ("$filter=tolower(lastname) eq 'adams'", 501),
        ("$filter=parentcustomerid_account/contact_customer_accounts/any()", 501),
        ("$expand=nosuch", 400),
        ("$expand=parentcustomerid_account($levels=2)", 501),
        ("$filter=nosuch/any()", 400),
        (f"$filter={CRM}.Above(PropertyName='contactid',PropertyValue='x')", 501),
        (f"$filter={CRM}.In(PropertyName='nosuch',PropertyValues=['x'])", 400),
        ("$filter=lastname eq @q&@q=[1", 400),
    ],
)
def test_unsupported_queries_are_refused(people: Sandbox, query: str, status: int) -> None:
    assert people.get(f"contacts?{query}").status_code == status


def test_paged_sort_ignores_case(people: Sandbox) -> None:
    first = people.get("contacts?$orderby=lastname&$select=lastname", Prefer="odata.maxpagesize=3").json()
    second = people.get(first["@odata.nextLink"], Prefer="odata.maxpagesize=3").json()

    assert names(first["value"] + second["value"]) == ["Adams", "Baker", "clark", "Davis"]
    assert "@odata.nextLink" not in second


@pytest.mark.parametrize("column", ["parentcustomerid_account/name", "_parentcustomerid_value", "@p"])
def test_sort_by_related_column_can_be_paged(people: Sandbox, column: str) -> None:
    path = f"contacts?$orderby={column} desc,lastname&$select=lastname&@p=_parentcustomerid_value"
    first = people.get(path, Prefer="odata.maxpagesize=2").json()
    second = people.get(first["@odata.nextLink"], Prefer="odata.maxpagesize=2").json()

    assert names(first["value"]) + names(second["value"]) == ["clark", "Adams", "Baker", "Davis"]


def test_counts_have_annotations(people: Sandbox) -> None:
    counted = people.get("contacts?$count=true", **ALL_ANNOTATIONS).json()
    silent = people.get("contacts", **ALL_ANNOTATIONS).json()

    assert (counted["@odata.count"], counted[f"@{CRM}.totalrecordcount"]) == (4, 4)
    assert counted[f"@{CRM}.totalrecordcountlimitexceeded"] is False
    assert silent[f"@{CRM}.totalrecordcount"] == -1


def test_total_record_count_is_returned(people: Sandbox) -> None:
    path = "RetrieveTotalRecordCount(EntityNames=['contact','account'])"
    collection = people.get(path).json()["EntityRecordCountCollection"]

    assert dict(zip(collection["Keys"], collection["Values"], strict=True)) == {"contact": 4, "account": 2}
    assert people.get("RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']").status_code == 200


def test_upcoming_meetings_have_attendees(sandbox: Sandbox) -> None:
    sandbox.reset(users=30)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = sandbox.rows(f"appointments?$filter=scheduledstart gt {now}&$expand=appointment_activity_parties")

    assert len(rows) >= 5
    kinds = {party["participationtypemask"] for row in rows for party in row["appointment_activity_parties"]}
    assert kinds == {5, 6, 7}
