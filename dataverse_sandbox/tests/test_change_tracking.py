"""Change tracking: full reads, deltas, deletions, expiry, and writes in between."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest
import requests

from dataverse_sandbox.tests.caller import InBackground, Sandbox

TRACK = "odata.track-changes"


def track(sandbox: Sandbox, link: str = "contacts?$select=jobtitle", size: int = 5_000) -> tuple[list[Any], str]:
    """Read all pages, starting at a link; return the rows and the delta link."""
    items: list[Any] = []
    while True:
        preference = f"odata.maxpagesize={size}" + (f",{TRACK}" if "token" not in link else "")
        page = sandbox.get(link, Prefer=preference)
        assert page.status_code == 200, page.text
        items += page.json()["value"]
        if "@odata.deltaLink" in page.json():
            return items, page.json()["@odata.deltaLink"]
        link = page.json()["@odata.nextLink"]


def test_delta_has_changes_since_full_read(sandbox: Sandbox) -> None:
    items, delta = track(sandbox)
    contact_id = items[0]["contactid"]
    sandbox.patch(f"contacts({contact_id})", {"jobtitle": "CEO", "osync_revision": 9})

    changed, _ = track(sandbox, delta)

    assert len(items) == 3
    assert [(row["contactid"], row["jobtitle"]) for row in changed] == [(contact_id, "CEO")]


def test_first_read_confirms_tracking(sandbox: Sandbox) -> None:
    first = sandbox.get("contacts?$select=jobtitle", Prefer=TRACK)
    delta = sandbox.get(first.json()["@odata.deltaLink"])

    assert first.headers["Preference-Applied"] == TRACK
    assert delta.json()["@odata.context"].endswith("/$delta")


def test_delta_without_changes_is_empty(sandbox: Sandbox) -> None:
    _, delta = track(sandbox)

    changed, again = track(sandbox, delta)

    assert changed == []
    assert track(sandbox, again)[0] == []


def test_delta_lists_deletions_after_updates(sandbox: Sandbox) -> None:
    items, delta = track(sandbox)
    sandbox.delete(f"contacts({items[0]['contactid']})")
    created = sandbox.post("contacts", {"lastname": "New"}, Prefer="return=representation").json()

    changed, _ = track(sandbox, delta)

    assert changed[0]["contactid"] == created["contactid"]
    assert changed[1] == {
        "@odata.context": sandbox.api + "$metadata#contacts/$deletedEntity",
        "id": items[0]["contactid"],
        "reason": "deleted",
    }
    counted = sandbox.get(delta.replace("contacts?", "contacts/$count?"))
    assert counted.text == str(len(changed))


def test_recreated_row_is_reported_as_update(sandbox: Sandbox) -> None:
    items, delta = track(sandbox)
    contact_id = items[0]["contactid"]
    sandbox.delete(f"contacts({contact_id})")
    sandbox.post("contacts", {"contactid": contact_id, "lastname": "Back"})

    changed, _ = track(sandbox, delta)

    assert [row.get("contactid") for row in changed] == [contact_id]


def test_deltas_are_paged(sandbox: Sandbox) -> None:
    sandbox.reset(contacts=7)
    items, delta = track(sandbox, size=2)
    for item in items[:4]:
        sandbox.patch(f"contacts({item['contactid']})", {"jobtitle": "X", "osync_revision": 9})
    for item in items[4:]:
        sandbox.delete(f"contacts({item['contactid']})")

    for size in (1, 2, 3, 4, 5, 100):
        changed, _ = track(sandbox, delta, size=size)
        assert {row["contactid"] for row in changed if "contactid" in row} == {row["contactid"] for row in items[:4]}
        assert {row["id"] for row in changed if "id" in row} == {row["contactid"] for row in items[4:]}
        assert len(changed) == 7


def test_plugin_restore_appears_in_delta(sandbox: Sandbox) -> None:
    items, delta = track(sandbox)
    _, fields_delta = track(sandbox, "osync_syncfields")
    sandbox.edit(items[0]["contactid"], jobtitle="Staged")

    assert [row["contactid"] for row in track(sandbox, delta)[0]] == [items[0]["contactid"]]
    assert [row["osync_proposedvalue"] for row in track(sandbox, fields_delta)[0]] == ["Staged"]


@pytest.mark.parametrize("option", ["$filter=statecode eq 0", "$orderby=lastname", "$top=3", "$expand=x"])
def test_incompatible_query_options_are_refused(sandbox: Sandbox, option: str) -> None:
    refused = sandbox.get(f"contacts?{option}", Prefer=TRACK)

    assert refused.status_code == 400
    assert "isn't supported when Change Tracking is enabled" in refused.json()["error"]["message"]


def test_change_tracking_of_untracked_table_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.get("userqueries", Prefer=TRACK).status_code == 400


@pytest.mark.parametrize("kind", ["delta", "next"])
def test_expired_delta_link_requires_full_read(sandbox: Sandbox, kind: str) -> None:
    first = sandbox.get("contacts", Prefer=f"{TRACK},odata.maxpagesize=1").json()
    link = first["@odata.nextLink"] if kind == "next" else track(sandbox)[1]
    assert sandbox.get(link).status_code == 200

    sandbox.control("POST", "expire", {"delta_tokens": True})

    expired = sandbox.get(link)
    assert expired.status_code == 400
    assert expired.json()["error"]["code"] == "0x80044352"
    assert len(track(sandbox)[0]) == 3


def test_reset_expires_delta_links(sandbox: Sandbox) -> None:
    _, delta = track(sandbox)

    sandbox.reset()

    assert sandbox.get(delta).json()["error"]["code"] == "0x80044352"


def test_delta_token_expires_after_retention(sandbox: Sandbox) -> None:
    _, delta = track(sandbox)
    year = delta.partition("/20")[2][:2]
    aged = delta.replace(f"/20{year}", f"/20{int(year) - 1}")

    assert sandbox.get(aged).json()["error"]["code"] == "0x80044352"
    assert sandbox.get(delta).status_code == 200


def test_malformed_delta_token_is_not_reported_as_expired(sandbox: Sandbox) -> None:
    refused = sandbox.get("contacts?$deltatoken=rubbish")

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] != "0x80044352"


def test_writes_between_pages_are_never_lost(sandbox: Sandbox) -> None:
    """Compare a mirror, read page by page during writes, with the table."""
    sandbox.reset(contacts=12)
    dice = random.Random(7)
    mirror: dict[str, str] = {}
    link = "contacts?$select=jobtitle"
    for _ in range(40):
        preference = "odata.maxpagesize=2" + (f",{TRACK}" if "token" not in link else "")
        page = sandbox.get(link, Prefer=preference).json()
        for item in page["value"]:
            _take(mirror, item)
        link = page.get("@odata.nextLink") or page["@odata.deltaLink"]
        _write_at_random(sandbox, dice)

    while True:
        page = sandbox.get(link).json()
        for item in page["value"]:
            _take(mirror, item)
        if not page["value"] and "@odata.deltaLink" in page:
            break
        link = page.get("@odata.nextLink") or page["@odata.deltaLink"]
    assert mirror == {row["contactid"]: row["jobtitle"] for row in sandbox.rows("contacts?$select=jobtitle")}


def _take(mirror: dict[str, str], item: dict[str, Any]) -> None:
    if "reason" in item:
        mirror.pop(item["id"], None)
    else:
        mirror[item["contactid"]] = item["jobtitle"]


def _write_at_random(sandbox: Sandbox, dice: random.Random) -> None:
    rows = sandbox.rows("contacts?$select=contactid")
    picked = dice.choice(rows)["contactid"]
    what = dice.random()
    if what < 0.2:
        sandbox.post("contacts", {"lastname": "New", "jobtitle": "Fresh"})
    elif what < 0.4 and len(rows) > 4:
        sandbox.delete(f"contacts({picked})")
    else:
        sandbox.patch(f"contacts({picked})", {"jobtitle": f"J{dice.random()}", "osync_revision": 9})


def test_concurrent_writes_are_never_lost(sandbox: Sandbox) -> None:
    """Write in four threads while a fifth follows delta links; its last versions are the newest."""
    sandbox.reset(contacts=4)
    ids = [row["contactid"] for row in sandbox.rows("contacts")]
    token = sandbox.session.headers["Authorization"]

    def write(contact_id: str) -> requests.Response:
        writer = Sandbox(sandbox.server)
        writer.session.headers["Authorization"] = token
        for number in range(25):
            last = writer.patch(f"contacts({contact_id})", {"jobtitle": f"{number}", "osync_revision": number})
        return last

    writers = [InBackground(partial(write, contact_id)) for contact_id in ids]
    mirror: dict[str, str] = {}
    link, finished = "contacts?$select=jobtitle", False
    while not finished:
        finished = all(writer.is_done for writer in writers)
        items, link = track(sandbox, link, size=2)
        for item in items:
            _take(mirror, item)
    assert [writer.result().status_code for writer in writers] == [204] * 4
    assert mirror == dict.fromkeys(ids, "24")
