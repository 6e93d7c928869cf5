"""Other writers of contacts, and the signature of changes saved by Outlook."""

from __future__ import annotations

import html
from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox

JONAS = config.EDITOR.user_id
SIGNATURE = config.SYNCHRONIZATION.user_id


@pytest.fixture
def audited(sandbox: Sandbox) -> Sandbox:
    """Provide a sandbox with auditing of contacts and without the plug-in."""
    sandbox.control("PUT", "plugin", {"enabled": False})
    sandbox.control("PUT", "auditing", {"enabled": True})
    return sandbox


def write(sandbox: Sandbox, writer: str, **changes: object) -> Any:
    body = {"writer": writer, "contact": sandbox.contact()["contactid"], "changes": changes}
    return sandbox.control("POST", "write", body)


def last(sandbox: Sandbox) -> tuple[str, str | None]:
    """Return the user and the calling user of the newest audit entry of a contact."""
    [*_others, entry] = sandbox.rows("audits?$filter=objecttypecode eq 'contact'&$orderby=versionnumber asc")
    return entry["_userid_value"], entry["_callinguserid_value"]


def test_signed_changes_name_synchronization_user(audited: Sandbox) -> None:
    audited.control("PUT", "synchronization", {"signature": "signed"})
    contact = audited.contact()["contactid"]
    audited.edit(contact, jobtitle="Boss")

    after = audited.read(contact)
    assert (after["_modifiedby_value"], after["_modifiedonbehalfby_value"]) == (JONAS, SIGNATURE)
    assert last(audited) == (JONAS, SIGNATURE)
    [user] = audited.rows(f"systemusers?$filter=systemuserid eq {SIGNATURE}")
    assert (user["fullname"], user["applicationid"]) == ("# SSSAdminProd", config.SYNCHRONIZATION.client_id)


@pytest.mark.parametrize("signature", ["unsigned", "add-in"])
def test_changes_with_other_signatures_have_no_delegate(audited: Sandbox, signature: str) -> None:
    audited.control("PUT", "synchronization", {"signature": "signed"})
    audited.control("PUT", "synchronization", {"signature": signature})
    contact = audited.contact()["contactid"]
    audited.edit(contact, jobtitle="Boss")

    assert audited.read(contact)["_modifiedonbehalfby_value"] is None
    assert last(audited) == (JONAS, None)


def test_reset_ends_signing_and_removes_other_applications(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "synchronization", {"signature": "signed"})
    sandbox.reset()

    assert sandbox.control("GET", "synchronization") == {"signature": "unsigned"}
    assert len(sandbox.rows("systemusers?$filter=applicationid ne null")) == 1


def test_signed_change_is_staged_for_its_person(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "synchronization", {"signature": "signed"})

    assert sandbox.edit(sandbox.contact()["contactid"], jobtitle="Boss")["staged"] == 1
    assert sandbox.rows("osync_syncrecords")[0]["_osync_editor_value"] == JONAS


def test_outlook_page_saves_signed_changes(audited: Sandbox) -> None:
    audited.control("PUT", "synchronization", {"signature": "signed"})
    contact = audited.contact()["contactid"]
    audited.session.post(f"{audited.url}/outlook/{contact}", data={"jobtitle": "Boss"})

    assert last(audited) == (JONAS, SIGNATURE)


@pytest.mark.parametrize(
    ("writer", "user", "raises_revision"),
    [
        ("erp", config.ERP.user_id, False),
        ("flow", config.FLOWS.user_id, False),
        ("form", JONAS, True),
        ("form_without_script", JONAS, False),
    ],
)
def test_change_is_recorded_under_its_writer(audited: Sandbox, writer: str, user: str, raises_revision: bool) -> None:
    before = audited.contact()
    assert write(audited, writer, jobtitle="Boss")["staged"] == 0

    after = audited.read(before["contactid"])
    assert after["jobtitle"] == "Boss"
    assert (after["osync_revision"] > before["osync_revision"]) is raises_revision
    assert (after["_modifiedby_value"], after["_modifiedonbehalfby_value"]) == (user, None)
    assert last(audited) == (user, None)


def test_plugin_stages_changes_of_writers_without_revision(sandbox: Sandbox) -> None:
    assert [write(sandbox, writer, jobtitle=f"By {writer}")["staged"] for writer in ("erp", "flow", "form")] == [
        1,
        1,
        0,
    ]


def test_erp_signs_in_with_its_own_client(audited: Sandbox) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": config.ERP.client_id,
        "client_secret": config.ERP.secret,
        "scope": f"{audited.url}/.default",
    }
    contact = audited.contact()["contactid"]
    token = audited.session.post(audited.token_url, data=form).json()["access_token"]
    wrong = audited.session.post(audited.token_url, data={**form, "client_secret": config.CLIENT_SECRET})

    changed = audited.patch(f"contacts({contact})", {"jobtitle": "Boss"}, Authorization=f"Bearer {token}")
    assert (changed.status_code, wrong.status_code) == (204, 401)
    assert last(audited) == (config.ERP.user_id, None)


def test_import_changes_each_contact_separately(audited: Sandbox) -> None:
    done = audited.control("POST", "import", {"changes": {"department": "Imported"}, "count": 2})

    found = audited.rows("audits?$filter=operation eq 2")
    assert done == {"contacts": 2}
    assert len(audited.rows("contacts?$filter=department eq 'Imported'")) == 2
    assert len({entry["transactionid"] for entry in found}) == len(found) == 2
    assert {entry["_userid_value"] for entry in found} == {JONAS}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "synchronization", {"signature": "loud"}),
        ("POST", "write", {"writer": "cat", "contact": "x", "changes": {"jobtitle": "B"}}),
        ("POST", "import", {"changes": {"jobtitle": "B"}, "count": -1}),
        ("POST", "import", {"count": 1}),
    ],
)
def test_invalid_writer_requests_are_refused(sandbox: Sandbox, method: str, path: str, body: dict[str, object]) -> None:
    assert sandbox.session.request(method, f"{sandbox.url}/sandbox/{path}", json=body).status_code == 400


def test_writers_page_saves_changes_and_sets_signature(audited: Sandbox) -> None:
    def press(**field: str) -> str:
        sent = {"contact": contact["contactid"], "column": "jobtitle", "value": "<Boss>", **field}
        answer = audited.session.post(f"{audited.url}/writers/", data=sent)
        assert answer.status_code == 200
        return html.unescape(answer.text)

    contact = audited.contact()
    assert f"Job Title of {contact['fullname']} to “<Boss>”: saved." in press(writer="erp")
    assert "of 3 contacts" in press(writer="import")
    assert 'value="signed" aria-pressed="true"' in press(signature="signed")
    assert "refused" in press(writer="form", contact=JONAS)
