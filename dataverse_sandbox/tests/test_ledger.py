"""The ledger: every committed write in order, and nothing else."""

from __future__ import annotations

import sqlite3

from dataverse_sandbox.tests.caller import Sandbox

JONAS = "b045c585-96dd-5738-aa77-0a53e31e4054"


def test_reset_empties_the_ledger(sandbox: Sandbox) -> None:
    assert sandbox.ledger() == []
    sandbox.post("contacts", {"lastname": "A"})

    assert [entry["seq"] for entry in sandbox.ledger()] == [1]


def test_entry_has_caller_and_changed_values(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    me = sandbox.get("WhoAmI").json()["UserId"]

    sandbox.patch(
        f"contacts({contact['contactid']})?tag=osync", {"jobtitle": "CEO", "donotemail": True, "osync_revision": 50}
    )

    [entry] = sandbox.ledger()
    expected = {
        "caller": me,
        "on_behalf_of": None,
        "method": "PATCH",
        "table": "contact",
        "plugin": False,
        "tag": "osync",
    }
    assert expected.items() <= entry.items()
    assert entry["id"] == contact["contactid"]
    assert entry["changes"] == {
        "jobtitle": [contact["jobtitle"], "CEO"],
        "donotemail": [False, True],
        "osync_revision": [contact["osync_revision"], 50],
    }


def test_write_without_changes_has_empty_entry(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": contact["jobtitle"]})

    assert [entry["changes"] for entry in sandbox.ledger()] == [{}]


def test_refused_writes_leave_no_entry(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "X"}, If_Match='W/"1"')
    sandbox.patch(f"contacts({contact['contactid']})", {"nosuch": "X"})
    sandbox.rows("contacts")

    assert sandbox.ledger() == []


def test_since_returns_later_entries(sandbox: Sandbox) -> None:
    for name in ("A", "B", "C"):
        sandbox.post("contacts", {"lastname": name})

    assert [entry["changes"]["lastname"] for entry in sandbox.ledger(since=2)] == [[None, "C"]]


def test_creation_and_deletion_show_all_values(sandbox: Sandbox) -> None:
    company = sandbox.contact()["_parentcustomerid_value"]
    body = {"lastname": "A", "parentcustomerid_account@odata.bind": f"/accounts({company})"}
    created = sandbox.post("contacts", body, Prefer="return=representation").json()
    sandbox.delete(f"contacts({created['contactid']})")

    creation, deletion = sandbox.ledger()
    assert (creation["method"], deletion["method"]) == ("POST", "DELETE")
    assert creation["changes"]["parentcustomerid"] == [None, f"account:{company}"]
    assert deletion["changes"] == {name: [new, old] for name, (old, new) in creation["changes"].items()}


def test_outlook_edit_is_one_transaction(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    sandbox.edit(contact["contactid"], jobtitle="Boss")

    ledger = sandbox.ledger()
    assert [(entry["table"], entry["method"], entry["plugin"]) for entry in ledger] == [
        ("contact", "PATCH", False),
        ("osync_syncrecord", "POST", True),
        ("osync_syncfield", "POST", True),
        ("contact", "PATCH", True),
    ]
    assert ledger[0]["changes"] == {"jobtitle": [contact["jobtitle"], "Boss"]}
    assert ledger[3]["changes"] == {"jobtitle": ["Boss", contact["jobtitle"]]}
    assert {entry["caller"] for entry in ledger} == {JONAS}
    assert len({entry["transaction"] for entry in ledger}) == 1


def test_separate_requests_are_separate_transactions(sandbox: Sandbox) -> None:
    for name in ("A", "B"):
        sandbox.post("contacts", {"lastname": name})

    assert len({entry["transaction"] for entry in sandbox.ledger()}) == 2


def test_database_triggers_write_the_ledger(sandbox: Sandbox) -> None:
    """Find a write in the ledger that bypassed the sandbox's code."""
    contact_id = sandbox.contact()["contactid"]
    with sqlite3.connect(sandbox.server.application.store.path) as connection:
        connection.execute("UPDATE contact SET jobtitle = 'Behind' WHERE contactid = ?", (contact_id,))
    connection.close()

    assert sandbox.ledger()[-1]["changes"]["jobtitle"][1] == "Behind"
