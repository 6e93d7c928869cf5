"""The risk report and its lists, compared with the sandbox's tables."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile

from syncapp.crm.directory.records import SyncMethod
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterTeam, FilterUser, SyncPathsDay, UserList
from tests.support.people import browser, fred, vera
from tests.support.screen import text
from tests.sync_filters.conftest import read, scenery
from tests.sync_filters.users import make_user

__all__ = ["read", "scenery"]


def expected_by_crm(scenery, riva: set[str]) -> dict[str, str]:
    """Return how often each person's appointments reach Outlook, by the CRM's own tables."""
    boxes = {row["_regardingobjectid_value"]: row for row in scenery.rows("mailboxes")}
    filters = [
        (row["_ownerid_value"], row["returnedtypecode"], row["querytype"], row["statecode"])
        for user in FilterUser.objects.people()
        for kind in (256, 16)
        for row in scenery.rows("userqueries", f"?$filter=querytype eq {kind} and _ownerid_value eq {user.pk}")
    ]
    roles = {row["systemuserid"] for row in scenery.rows("systemuserrolescollection", "?$select=systemuserid")}
    with_roles = {row["teamid"] for row in scenery.rows("teamrolescollection")}
    teams = {row["systemuserid"] for row in scenery.rows("teammemberships") if row["teamid"] in with_roles}
    found = {}
    for row in scenery.rows("systemusers", "?$filter=applicationid eq null"):
        key, box = row["systemuserid"], boxes.get(row["systemuserid"])
        selects = any(o == key and "appointment" in t and k == 256 and s == 0 for o, t, k, s in filters)
        offline = any(o == key and k == 16 and s == 0 for o, t, k, s in filters)
        ways = 0
        if box and box["statecode"] == 0 and selects:
            server = (
                box["actdeliverymethod"] == 1 and box["enabledforact"] and box["emailrouteraccessapproval"] in (0, 1)
            )
            client = box["incomingemaildeliverymethod"] == 1 or box["outgoingemaildeliverymethod"] == 1 or offline
            ways = (1 + client if server else 0) if box["actdeliverymethod"] != 0 else 1
        ways += row["internalemailaddress"] in riva
        if row["isdisabled"] or not (key in roles or key in teams):
            ways = 0
        found[row["fullname"]] = ("none", "once", "twice")[min(ways, 2)]
    return found


def test_risk_figures_match_crm_and_list(read):
    client = browser(fred())
    riva = [user.address for user in FilterUser.objects.people().order_by("name")[:8]]
    client.post("/filters/lists/save", {"name": "Riva", "text": "\n".join(riva), "brings_appointments": "yes"})

    expected = expected_by_crm(read, set(riva))

    assert dict(FilterUser.objects.people().values_list("name", "paths")) == expected
    counted = Counter(expected.values())
    page = text(client.get("/filters/risk/"))
    for often in ("twice", "once", "none"):
        assert f'href="/filters/?risk={often}"' in page
        users = text(client.get(f"/filters/?risk={often}")).count('<tr role="row">') - 1
        assert users == counted[often]
    table = client.get("/filters/risk/export.csv").getvalue().decode()
    assert table.count("Twice") == counted["twice"]


def test_cause_links_to_users_and_plan(db, django_assert_max_num_queries):
    client, users = browser(fred()), [make_user(name, SyncMethod.OUTLOOK) for name in ("Rita", "Rob", "Ada")]
    text_of_list = "\n".join(user.address for user in users[:2])
    client.post("/filters/lists/save", {"name": "Riva", "text": text_of_list, "brings_appointments": "yes"})

    with django_assert_max_num_queries(23):
        page = text(client.get("/filters/risk/"))
    form = text(client.get("/filters/plan?cause=client_product&want=off"))

    assert 'href="/filters/plan?cause=client_product&amp;want=off">Plan a run for 2' in page
    assert "Switch the filters off" in page
    assert "All 2 users shown" in form
    assert "Plan a run for" not in text(browser(vera()).get("/filters/risk/"))


def test_entra_team_is_marked_as_possibly_incomplete(db):
    team = FilterTeam.objects.create(pk=uuid.uuid4(), name="Sales North", kind=2)

    assert "may be incomplete" in text(browser(vera()).get(f"/filters/risk/?team={team.pk}"))
    assert "may be incomplete" in text(browser(vera()).get(f"/filters/?team={team.pk}"))
    assert "may be incomplete" not in text(browser(vera()).get("/filters/risk/"))


def test_list_is_uploaded_and_deleted(db):
    client, rita = browser(fred()), make_user("Rita Lindqvist")
    upload = SimpleUploadedFile("riva.csv", f"{rita.address};Rita\nnobody@x.example;?\n".encode("utf-8-sig"))

    came = client.post("/filters/lists/save", {"name": "Riva", "file": upload, "brings_appointments": "yes"})

    page = text(client.get(came.url))
    assert "nobody@x.example" in page
    assert rita.address not in page
    assert "Remove…" in page
    assert "This cannot be undone." in page
    assert "Rita Lindqvist" in text(client.get(f"/filters/?list={UserList.objects.get().pk}"))
    assert "Riva" in text(client.get("/filters/lists/"))
    assert browser(vera()).post(f"{came.url}delete").status_code == 403
    client.post(f"{came.url}delete")
    assert FilterUser.objects.get().products == 0


def test_refused_list_keeps_input(db):
    answer = browser(fred()).post("/filters/lists/save", {"name": " ", "text": "a@b.example"})

    assert answer.status_code == 422
    assert "Give the list a name" in answer.content.decode()
    assert "a@b.example" in answer.content.decode()


def test_users_synced_twice_are_counted_daily(db):
    client = browser(vera())
    make_user("Rita", products=1)
    sync_paths.store_daily_counts()
    assert "Appears from the second day" in text(client.get("/filters/risk/"))

    SyncPathsDay.objects.create(day=date(2026, 1, 2), twice=17)
    sync_paths.store_daily_counts()

    page = text(client.get("/filters/risk/"))
    assert SyncPathsDay.objects.count() == 2
    assert "2 January: 17 twice" in page
    assert ": 1 twice" in page
