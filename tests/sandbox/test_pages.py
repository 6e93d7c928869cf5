"""The Outlook page and the overview, as a browser without scripts uses them."""

from __future__ import annotations

import html
import re

from tests.sandbox.caller import Sandbox


def open_page(sandbox: Sandbox, path: str) -> str:
    answer = sandbox.session.get(sandbox.url + path)
    assert answer.status_code == 200, answer.text
    assert "<script" not in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    return html.unescape(answer.text)


def form_of(page: str) -> dict[str, str | list[str]]:
    """Names and values that a browser would send for the page's form."""
    sent: dict[str, str | list[str]] = dict(re.findall(r'<input name="(\w+)" type="\w+" value="([^"]*)"', page))
    sent |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', page):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        sent[name] = chosen[0] if chosen else ""
    sent["osync_topics"] = re.findall(r'name="osync_topics" value="(\d+)" checked', page)
    return sent


def save(sandbox: Sandbox, contact_id: str, **typed: str | list[str]) -> str:
    form = form_of(open_page(sandbox, f"/outlook/{contact_id}"))
    answer = sandbox.session.post(f"{sandbox.url}/outlook/{contact_id}", data={**form, **typed})
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_contacts_are_found_by_name_and_company(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    company = sandbox.get(f"accounts({contact['_parentcustomerid_value']})").json()["name"]

    for text in (contact["lastname"][:4].lower(), contact["fullname"][:5], company[:4]):
        assert contact["contactid"] in open_page(sandbox, f"/outlook/?q={text}")
    assert "begins with “Zzz”" in open_page(sandbox, "/outlook/?q=Zzz")
    assert contact["contactid"] not in open_page(sandbox, "/outlook/?q=%25")


def test_saving_tells_how_many_changes_were_staged(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    page = save(sandbox, contact["contactid"], jobtitle="Boss", nickname="Bo", donotemail="true")

    assert "3 changes were staged; the CRM kept its values." in page
    assert "Job Title: " + contact["jobtitle"] + " → Boss" in page
    assert sandbox.read(contact["contactid"])["jobtitle"] == contact["jobtitle"]


def test_only_what_was_changed_is_sent(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    every = {"creditlimit": 1234.5, "birthdate": "1980-01-02", "osync_topics": "410000001", "description": "a\nb"}
    sandbox.patch(f"contacts({contact_id})", {**every, "osync_revision": 3})

    unchanged = save(sandbox, contact_id)
    save(sandbox, contact_id, creditlimit="1300")

    assert "Nothing was changed" in unchanged
    assert [row["osync_name"] for row in sandbox.rows("osync_syncfields")] == ["creditlimit"]


def test_every_kind_of_field_can_be_changed(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    accounts = sandbox.post("accounts", {"name": "Zeta"}, Prefer="return=representation").json()

    save(
        sandbox,
        contact["contactid"],
        preferredcontactmethodcode="5",
        birthdate="1999-12-31",
        creditlimit="7.25",
        numberofchildren="9",
        osync_topics=["410000000", "410000004"],
        description="one\r\ntwo",
        parentcustomerid=f"account:{accounts['accountid']}",
        telephone1="",
    )

    staged = {row["osync_name"]: row["osync_proposedvalue"] for row in sandbox.rows("osync_syncfields")}
    assert staged == {
        "preferredcontactmethodcode": "5",
        "birthdate": "1999-12-31",
        "creditlimit": "7.25",
        "numberofchildren": "9",
        "osync_topics": "410000000,410000004",
        "description": "one\ntwo",
        "parentcustomerid": f"account:{accounts['accountid']}",
        "telephone1": None,
    }


def test_edit_is_made_by_the_chosen_person(sandbox: Sandbox) -> None:
    rita = sandbox.rows("systemusers?$filter=fullname eq 'Rita Lindqvist'")[0]["systemuserid"]

    save(sandbox, sandbox.contact()["contactid"], user=rita, jobtitle="Boss")

    assert sandbox.rows("osync_syncrecords")[0]["_osync_editor_value"] == rita


def test_jonas_weber_is_offered_first(sandbox: Sandbox) -> None:
    assert re.search(r"<option value=\"[0-9a-f-]+\" selected>Jonas Weber", open_page(sandbox, "/outlook/"))


def test_refusal_of_the_crm_is_shown(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]

    assert "The CRM refused to save" in save(sandbox, contact_id, jobtitle="x" * 101)
    assert "The CRM refused to save" in save(sandbox, contact_id, creditlimit="much")
    assert sandbox.rows("osync_syncfields") == []


def test_typed_text_is_escaped(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]

    answer = sandbox.session.post(f"{sandbox.url}/outlook/{contact_id}", data={"jobtitle": "<b>bold</b>"})

    assert "<b>bold" not in answer.text


def test_without_the_plug_in_the_page_says_that_it_stays(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.control("PUT", "plugin", {"enabled": False})

    assert "staged nothing" in save(sandbox, contact_id, jobtitle="Boss")
    assert sandbox.read(contact_id)["jobtitle"] == "Boss"


def test_overview_shows_people_ledger_faults_and_plug_in(sandbox: Sandbox) -> None:
    assert "Nothing has been written" in open_page(sandbox, "/sandbox/")
    sandbox.edit(sandbox.contact()["contactid"], jobtitle="Boss")
    sandbox.fault(status=503, table="account")

    page = open_page(sandbox, "/sandbox/")
    for text in ("Rita Lindqvist", "→ Boss", "Jonas Weber (plug-in)", '"status": 503', "The plug-in is on"):
        assert text in page


def test_pages_have_their_style(sandbox: Sandbox) -> None:
    assert 'href="/sandbox/style.css"' in open_page(sandbox, "/outlook/")
    assert sandbox.session.get(f"{sandbox.url}/sandbox/style.css").headers["Content-Type"].startswith("text/css")


def test_one_can_be_a_colleague_whose_name_is_searched(sandbox: Sandbox) -> None:
    sandbox.reset(users=30)
    known = ("Rita", "Rob", "Fred", "Frida", "Ada", "Vera", "Nils", "Jonas", "#")
    colleague = next(row for row in sandbox.rows("systemusers") if not row["fullname"].startswith(known))
    assert colleague["fullname"] not in open_page(sandbox, "/outlook/")

    page = open_page(sandbox, f"/outlook/?who={colleague['lastname']}&user=Jonas Weber")

    chosen = re.search(r'<option value="([0-9a-f-]+)" selected>([^<]+)', page)
    assert chosen is not None
    assert colleague["lastname"] in chosen[2]
    assert f"?user={chosen[1]}" in page
    assert "Nobody’s name begins with “Zzz”" in open_page(sandbox, "/outlook/?who=Zzz")
