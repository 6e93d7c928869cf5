"""Saved views, and FetchXML queries for other users' filters."""

from __future__ import annotations

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox
from dataverse_sandbox.tests.test_fetchxml import cond, people

__all__ = ["people"]


def filters_of(sandbox: Sandbox, inner: str) -> set[str]:
    """Return the owners of the Outlook filters that a query finds."""
    xml = f'<fetch><entity name="userquery"><attribute name="ownerid"/><filter>{inner}</filter></entity></fetch>'
    rows = sandbox.session.get(f"{sandbox.api}userqueries", params={"fetchXml": xml}).json()["value"]
    return {row["_ownerid_value"] for row in rows}


def test_two_conditions_find_other_users_filters(sandbox: Sandbox) -> None:
    sandbox.reset(users=3, contacts=0)
    jonas = config.EDITOR.user_id
    two = cond("querytype", "eq", 256) + cond("ownerid", "eq", jonas)

    assert filters_of(sandbox, two) == {jonas}
    assert filters_of(sandbox, two + cond("statecode", "eq", 0)) == set()
    assert filters_of(sandbox, cond("ownerid", "eq", jonas)) == set()


def test_link_hides_personal_rows_of_other_users(sandbox: Sandbox) -> None:
    sandbox.reset(users=3, contacts=0)
    link = '<link-entity name="userquery" from="ownerid" to="systemuserid"/>'
    xml = f'<fetch><entity name="systemuser">{link}</entity></fetch>'

    rows = sandbox.session.get(f"{sandbox.api}systemusers", params={"fetchXml": xml}).json()["value"]

    assert {row["systemuserid"] for row in rows} <= {config.APPLICATION_USER_ID}


def test_link_to_unreadable_table_is_refused(sandbox: Sandbox) -> None:
    token = sandbox.control("POST", "token", {"user": "Jonas Weber"})["access_token"]
    link = '<link-entity name="account" from="accountid" to="parentcustomerid"/>'
    params = {"fetchXml": f'<fetch><entity name="contact">{link}</entity></fetch>'}

    def status() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return sandbox.session.get(f"{sandbox.api}contacts", params=params, headers=headers).status_code

    before = status()
    [role] = sandbox.rows("roles?$filter=name eq 'Basic User'")
    [privilege] = sandbox.rows("privileges?$filter=name eq 'prvReadAccount'")
    path = f"roles({role['roleid']})/roleprivileges_association({privilege['privilegeid']})/$ref"
    assert sandbox.delete(path).status_code == 204

    assert [before, status()] == [200, 403]


def test_outlook_filter_can_be_queried_as_view(people: Sandbox) -> None:
    inner = '<attribute name="firstname"/><filter><condition attribute="lastname" operator="eq" value="Berg"/></filter>'
    view = {
        "name": "The Bergs",
        "fetchxml": f'<fetch><entity name="contact">{inner}</entity></fetch>',
        "querytype": 256,
        "returnedtypecode": "contact",
    }
    created = people.post("userqueries", view)
    assert created.status_code == 204, created.text

    found = people.get(f"contacts?userQuery={created.headers['OData-EntityId'][-37:-1]}")

    assert sorted(row["firstname"] for row in found.json()["value"]) == ["Anna", "Bert"]


def test_fetchxml_applies_to_related_rows(people: Sandbox) -> None:
    people.post("accounts", {"name": "Other"})
    xml = f'<fetch><entity name="contact"><filter>{cond("lastname", "not-null")}</filter></entity></fetch>'
    paths = [
        f"accounts({firm['accountid']})/contact_customer_accounts" for firm in people.rows("accounts?$orderby=name")
    ]

    found = [people.session.get(people.api + path, params={"fetchXml": xml}).json()["value"] for path in paths]

    assert [len(rows) for rows in found] == [2, 0]


def test_unknown_or_mismatched_view_is_refused(people: Sandbox) -> None:
    [view] = people.rows("savedqueries?$filter=returnedtypecode eq 'appointment'&$top=1")

    assert people.get(f"contacts?savedQuery={people.contact()['contactid']}").status_code == 404
    assert people.get(f"contacts?savedQuery={view['savedqueryid']}").status_code == 400
