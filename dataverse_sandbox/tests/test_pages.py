"""The Outlook page and the overview, as a browser without scripts uses them."""

from __future__ import annotations

import html
import re

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.faults import Faults
from dataverse_sandbox.pages.faults import PRESETS, Preset, in_words
from dataverse_sandbox.tests.caller import Sandbox


def open_page(sandbox: Sandbox, path: str) -> str:
    answer = sandbox.session.get(sandbox.url + path)
    assert answer.status_code == 200, answer.text
    assert "<script" not in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    return html.unescape(answer.text)


def form_of(page: str) -> dict[str, str | list[str]]:
    """Return the names and values that a browser would send for the page's form."""
    sent: dict[str, str | list[str]] = dict(re.findall(r'<input name="(\w+)" type="\w+" value="([^"]*)"', page))
    sent |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', page):
        selected = re.findall(r'<option value="([^"]*)" selected', options)
        sent[name] = selected[0] if selected else ""
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


def test_saving_shows_number_of_staged_changes(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    page = save(sandbox, contact["contactid"], jobtitle="Boss", nickname="Bo", donotemail="true")

    assert "3 changes were staged; the CRM kept its values." in page
    assert "Job Title: " + contact["jobtitle"] + " → Boss" in page
    assert sandbox.read(contact["contactid"])["jobtitle"] == contact["jobtitle"]


def test_only_changed_fields_are_sent(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    every = {"creditlimit": 1234.5, "birthdate": "1980-01-02", "osync_topics": "410000001", "description": "a\nb"}
    sandbox.patch(f"contacts({contact_id})", {**every, "osync_revision": 3})

    unchanged = save(sandbox, contact_id)
    save(sandbox, contact_id, creditlimit="1300")

    assert "No changes to send" in unchanged
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


def test_edit_is_recorded_for_chosen_user(sandbox: Sandbox) -> None:
    rita = sandbox.rows("systemusers?$filter=fullname eq 'Rita Lindqvist'")[0]["systemuserid"]

    save(sandbox, sandbox.contact()["contactid"], user=rita, jobtitle="Boss")

    assert sandbox.rows("osync_syncrecords")[0]["_osync_editor_value"] == rita


def test_jonas_weber_is_selected_by_default(sandbox: Sandbox) -> None:
    assert re.search(r"<option value=\"[0-9a-f-]+\" selected>Jonas Weber", open_page(sandbox, "/outlook/"))


def test_crm_refusal_is_shown(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]

    assert "The CRM refused the changes" in save(sandbox, contact_id, jobtitle="x" * 101)
    assert "The CRM refused the changes" in save(sandbox, contact_id, creditlimit="much")
    assert sandbox.rows("osync_syncfields") == []


def test_typed_text_is_escaped(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]

    answer = sandbox.session.post(f"{sandbox.url}/outlook/{contact_id}", data={"jobtitle": "<b>bold</b>"})

    assert "<b>bold" not in answer.text


def test_page_warns_when_plugin_is_off(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.control("PUT", "plugin", {"enabled": False})

    assert "Nothing was staged" in save(sandbox, contact_id, jobtitle="Boss")
    assert sandbox.read(contact_id)["jobtitle"] == "Boss"


def test_overview_shows_state_of_sandbox(sandbox: Sandbox) -> None:
    assert "No faults: every request is answered normally" in open_page(sandbox, "/sandbox/")
    sandbox.fault(status=503, table="account")

    page = open_page(sandbox, "/sandbox/")
    assert "simulates Microsoft’s cloud" in page
    assert "Every request that matches “account” fails with 503; 0 so far." in page
    assert "The plug-in is on" in page


def test_ledger_page_groups_by_transaction(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    assert "No writes since the last reset" in open_page(sandbox, "/ledger/")
    sandbox.edit(contact["contactid"], jobtitle="Boss")
    sandbox.patch(f"contacts({contact['contactid']})?tag=mine", {"jobtitle": "Chief", "osync_revision": 5})

    newest, oldest = open_page(sandbox, "/ledger/").split("· transaction")[:2]
    assert all(text in newest for text in ("Outlook Sync Portal", ">mine<"))
    assert all(text in oldest for text in (f"{contact['jobtitle']} → Chief", contact["fullname"], "Jonas Weber"))
    assert "→ Chief" not in open_page(sandbox, "/ledger/?table=osync_syncfield")
    assert "Filter: Jonas Weber" in open_page(sandbox, f"/ledger/?who={config.EDITOR.user_id}")


def test_ledger_page_links_to_older_writes(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    rows = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": f"No. {n}"} for n in range(101)]
    sandbox.post("contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": rows})

    first = open_page(sandbox, "/ledger/?table=contact")
    link = re.findall(r'href="(/ledger/[^"]*before=\d+)"', first)[0]
    assert first.count("Created") == 100
    assert open_page(sandbox, link).count("Created") == 1
    assert contact_id not in first


def test_faults_page_starts_and_ends_fault(sandbox: Sandbox) -> None:
    sandbox.session.post(f"{sandbox.url}/faults/", data={"trouble": "down"})
    assert sandbox.get("contacts").status_code == 503
    assert open_page(sandbox, "/faults/").count("In force") == 1

    sandbox.session.post(f"{sandbox.url}/faults/", data={"trouble": "none"})
    assert sandbox.get("contacts").status_code == 200
    assert sandbox.session.post(f"{sandbox.url}/faults/", data={"trouble": "x"}).status_code == 400


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_offered_fault_is_valid(sandbox: Sandbox, preset: Preset) -> None:
    fault_state = sandbox.control("PUT", "faults", preset.state)

    assert in_words(fault_state) != in_words(Faults().state())


def test_button_switches_the_plugin(sandbox: Sandbox) -> None:
    sandbox.session.post(f"{sandbox.url}/faults/", data={"plugin": "off"})

    assert sandbox.control("GET", "plugin") == {"enabled": False}
    assert "Switch on" in open_page(sandbox, "/faults/")


def test_people_page_shows_crm_users(sandbox: Sandbox) -> None:
    jonas = config.EDITOR
    filters = sandbox.rows(f"userqueries?$filter=querytype eq 256 and _ownerid_value eq {jonas.user_id}")
    sandbox.patch(f"userqueries({filters[0]['userqueryid']})", {"statecode": 1, "statuscode": 2})

    assert f"{len(filters) - 1} of {len(filters)} on" in open_page(sandbox, "/people/?q=Jonas Weber")
    page = open_page(sandbox, f"/people/{jonas.user_id}")
    assert page.count("<td>Off</td>") == 1
    assert "Server-Side" in page or "Outlook" in page
    assert "No user’s name begins with “Zzz”" in open_page(sandbox, "/people/?q=Zzz")


def test_pages_have_a_stylesheet(sandbox: Sandbox) -> None:
    assert 'href="/sandbox/style.css"' in open_page(sandbox, "/outlook/")
    assert sandbox.session.get(f"{sandbox.url}/sandbox/style.css").headers["Content-Type"].startswith("text/css")


def test_editor_can_be_searched_by_name(sandbox: Sandbox) -> None:
    sandbox.reset(users=30)
    known = ("Rita", "Rob", "Fred", "Frida", "Ada", "Vera", "Nils", "Jonas", "#")
    colleague = next(row for row in sandbox.rows("systemusers") if not row["fullname"].startswith(known))
    assert colleague["fullname"] not in open_page(sandbox, "/outlook/")

    page = open_page(sandbox, f"/outlook/?who={colleague['lastname']}&user=Jonas Weber")

    selected = re.search(r'<option value="([0-9a-f-]+)" selected>([^<]+)', page)
    assert selected is not None
    assert colleague["lastname"] in selected[2]
    assert f"?user={selected[1]}" in page
    assert "No user’s name begins with “Zzz”" in open_page(sandbox, "/outlook/?who=Zzz")


def test_auditing_page_switches_auditing_and_lists_entries(sandbox: Sandbox) -> None:
    def choose(**field: str) -> str:
        answer = sandbox.session.post(f"{sandbox.url}/auditing/", data=field)
        assert answer.status_code == 200
        return html.unescape(answer.text)

    assert "Auditing is off" in open_page(sandbox, "/auditing/")
    assert "Auditing is on for contacts" in choose(enabled="on")
    assert "not readable yet" not in choose(delay="long")
    contact = sandbox.contact()
    sandbox.control("POST", "form", {"contact": contact["contactid"], "changes": {"jobtitle": "<Boss>"}})

    page = open_page(sandbox, "/auditing/")
    assert "jobtitle</code> " + contact["jobtitle"] + " → <Boss>" in page
    assert "not readable yet" in page
    assert "Auditing is off" in choose(enabled="off")
    assert sandbox.session.post(f"{sandbox.url}/auditing/", data={"delay": "x"}).status_code == 400
