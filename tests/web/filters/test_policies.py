"""The pages of policies: creating, comparing, repairing, and what each role sees."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.models import (
    FilterAccess,
    FilterMembership,
    FilterPolicy,
    FilterRow,
    FilterRun,
    FilterTeam,
    FilterUser,
    Message,
    SystemFilter,
)
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.notifications.content import composition
from syncapp.sync_filters.policies import editing, job
from syncapp.sync_filters.runs import creation
from tests.support.people import browser, fred, make_person, vera
from tests.support.screen import Screen
from tests.sync_filters.company import small_company

APPOINTMENTS = ["appointment", "serviceappointment"]


@pytest.fixture
def company(db):
    return small_company()


def written(client, company, **values) -> FilterPolicy:
    form = {"name": "Riva users", "group": f"team:{company.pk}", "tables": APPOINTMENTS, "wanted": "off"}
    answer = client.post("/filters/policies/create", form | {"per_night": "50"} | values)
    assert answer.status_code == 303, Screen(answer).words
    return compared(FilterPolicy.objects.get())


def compared(policy: FilterPolicy) -> FilterPolicy:
    FilterPolicy.objects.update(due_at=Now())
    job.work(policy.pk)
    policy.refresh_from_db()
    return policy


def test_created_policy_compares_and_repairs(company, django_assert_max_num_queries):
    client = browser(fred())
    policy = written(client, company)

    with django_assert_max_num_queries(29):
        page = Screen(client.get(f"/filters/policies/{policy.pk}/"))
    assert "8 differ, 0 comply, 0 cannot be switched, of 8 in the group" in page.words
    assert "User 3" in page.words
    assert "Appointment, Service activity off for everyone in Sales North" in page.words
    client.post(f"/filters/policies/{policy.pk}/step", page.form | {"do": "repair"})
    compared(policy)

    assert policy.mode == PolicyMode.REPAIR
    run = FilterRun.objects.get(policy=policy)
    assert f"Run {run.number}: running" in Screen(client.get(f"/filters/policies/{policy.pk}/")).words
    assert "by the policy Riva users" in Screen(client.get(f"/filters/runs/{run.pk}/")).words
    assert "8 of 8" in Screen(client.get("/filters/policies/")).words


def test_missing_values_are_reported_and_input_kept(company):
    client = browser(fred())
    values = {
        "name": "Riva users",
        "group": "",
        "tables": APPOINTMENTS,
        "wanted": "off",
        "exceptions": "nobody@x.example",
    }

    answer = client.post("/filters/policies/create", values | {"per_night": "50"})

    page = Screen(answer)
    assert (page.status, FilterPolicy.objects.count()) == (422, 0)
    assert "This does not match exactly one user: nobody@x.example." in page.words
    assert page.form["name"] == ["Riva users"]
    assert page.form["tables"] == APPOINTMENTS


def test_large_group_waits_for_second_person(company, settings):
    settings.SECOND_PERSON_ABOVE = 3
    client, frida = browser(fred()), make_person("Frida", *fred().roles)
    policy = written(client, company)
    address = f"/filters/policies/{policy.pk}/"
    client.post(f"{address}step", {"do": "repair", "seen": policy.full_at.isoformat()})

    assert "so another person confirms it" in Screen(client.get(address)).words
    assert client.post(f"{address}confirm", {"seen": policy.full_at.isoformat()}).status_code == 303
    policy.refresh_from_db()
    assert policy.mode == PolicyMode.SHADOW
    page = Screen(browser(frida).get(address))
    assert "Fred asks for a second person" in page.words
    browser(frida).post(f"{address}confirm", {"seen": page.form["seen"][0]})
    policy.refresh_from_db()
    assert (policy.mode, policy.confirmed_by) == (PolicyMode.REPAIR, frida)


def test_stopped_policy_shows_reason_and_resumes(company):
    client = browser(fred())
    policy = written(client, company)
    FilterPolicy.objects.update(asks="Its group changed.", stopped_at=timezone.now() - timedelta(hours=1))

    page = Screen(client.get(f"/filters/policies/{policy.pk}/"))
    assert "Stopped: needs your decision. Its group changed." in page.words
    assert "Policies 1 stopped" in Screen(client.get("/filters/")).words
    client.post(f"/filters/policies/{policy.pk}/step", {"do": "resume"})
    policy.refresh_from_db()
    assert policy.asks == ""


def test_removal_asks_for_confirmation(company):
    client = browser(fred())
    policy = written(client, company)

    page = Screen(client.get(f"/filters/policies/{policy.pk}/"))

    before, opening, rest = page.html.partition('<details class="remove">')  # closed, so the button is hidden at first
    confirmation, _, after = rest.partition("</details>")
    assert opening
    assert ">Remove…</summary>" in confirmation
    assert "filters are not changed. This cannot be undone." in confirmation
    assert 'value="remove"' in confirmation
    assert 'value="remove"' not in before + after


def test_removed_policy_leaves_the_list(company):
    client = browser(fred())
    policy = written(client, company)

    answer = client.post(f"/filters/policies/{policy.pk}/step", {"do": "remove"}, follow=True)

    policy.refresh_from_db()
    assert policy.mode == PolicyMode.REMOVED
    assert "Removed. No filters were changed." in Screen(answer).words
    assert "Riva users" not in Screen(client.get("/filters/policies/")).words


def test_viewer_cannot_change_policies(company):
    policy = written(browser(fred()), company)
    client = browser(vera())

    page = Screen(client.get(f"/filters/policies/{policy.pk}/"))

    assert "User 3" in page.words
    assert not page.offers("do=repair")
    assert client.post(f"/filters/policies/{policy.pk}/step", {"do": "remove"}).status_code == 403
    assert client.get("/filters/policies/new").status_code == 403


def test_system_filters_page_lists_each_kind(company):
    read = {"read_at": timezone.now(), "state": 0}
    SystemFilter.objects.create(pk=uuid.uuid4(), name="Calls of the day", table="phonecall", query_type=256, **read)
    SystemFilter.objects.create(
        pk=uuid.uuid4(), name="My Tasks", table="task", query_type=131072, is_default=True, **read
    )
    team = {"owner_id": company.pk, "owner_table": "team", "status": 1, "query_type": 256, "table": "contact"}
    FilterRow.objects.create(pk=uuid.uuid4(), name="Team’s contacts", **team, **read)
    FilterAccess.objects.update(reading="direct", reading_probed_at=timezone.now())

    words = Screen(browser(vera()).get("/filters/everybody/")).words

    for expected in ("Calls of the day", "My Tasks", "For new users", "Team’s contacts", "Sales North"):
        assert expected in words
    assert "The portal reads filters with its own permission (checked" in words

    FilterAccess.objects.update(writing="direct", writing_probed_at=timezone.now())
    words = Screen(browser(vera()).get("/filters/everybody/")).words
    assert "The portal reads and switches users’ filters with its own permission (checked" in words


def test_empty_pages_say_what_will_appear(db):
    client = browser(fred())

    assert "No policies yet" in Screen(client.get("/filters/policies/")).words
    assert "The filters are being read" in Screen(client.get("/filters/everybody/")).words


def test_second_person_gets_mail(company, settings):
    settings.SECOND_PERSON_ABOVE = 3
    client = browser(fred())
    policy = written(client, company)
    address = f"/filters/policies/{policy.pk}/"
    assert "No one who can confirm is known yet." in Screen(client.get(address)).words
    client.post(f"{address}step", {"do": "repair", "seen": policy.full_at.isoformat()})
    assert "No one who can confirm is known yet." in Screen(client.get(address)).words
    make_person("Frida", *fred().roles)

    client.post(f"{address}step", {"do": "ask"})

    page = Screen(client.get(address))
    assert "Asked: Frida." in page.words
    assert not page.offers("do=ask")
    mail = composition.compose(Message.objects.get())
    assert mail.run.headline == "Fred asks you to confirm that policy Riva users may repair"
    assert mail.run.explanation.startswith(
        "One person may switch up to 3 users without a second person; this group has 8."
    )
    assert mail.run.url.endswith(address)


def opposed(client, company) -> tuple[FilterPolicy, FilterPolicy]:
    """Return two policies that keep User 0 and User 1 in opposite states, both compared."""
    riva = FilterTeam.objects.create(pk=uuid.uuid4(), name="Riva")
    for user in FilterUser.objects.filter(name__in=["User 0", "User 1"]):
        FilterMembership.objects.create(team_id=riva.pk, user_id=user.pk)
    off = written(client, company)
    form = {"name": "Riva on", "group": f"team:{riva.pk}", "tables": APPOINTMENTS, "wanted": "on", "per_night": "50"}
    client.post("/filters/policies/create", form)
    return off, compared(FilterPolicy.objects.get(name="Riva on"))


def test_form_names_conflicting_policy_before_saving(company):
    client = browser(fred())
    off, on = opposed(client, company)
    editing.remove(on, by=fred())
    form = {"name": "More", "group": f"team:{company.pk}", "tables": APPOINTMENTS, "per_night": "50", "check": "1"}

    page_text = Screen(client.post("/filters/policies/create", form | {"wanted": "on"}))
    agreed = Screen(client.post("/filters/policies/create", form | {"wanted": "off"}))

    assert "The group has 8 users." in page_text.words
    assert "Policy Riva users keeps 8 of them in the opposite state" in page_text.words
    assert f'href="/filters/policies/{off.pk}/"' in page_text.html
    assert "No other policy keeps any of them in the opposite state" in agreed.words
    assert not FilterPolicy.objects.filter(name="More").exists()
    assert page_text.form["name"] == ["More"]


def test_conflicting_policies_name_each_other(company):
    client = browser(fred())
    off, on = opposed(client, company)
    link = {policy: f'href="/filters/policies/{policy.pk}/"' for policy in (off, on)}
    user = FilterUser.objects.get(name="User 0")

    pages = {
        "off": Screen(client.get(f"/filters/policies/{off.pk}/")),
        "on": Screen(client.get(f"/filters/policies/{on.pk}/")),
        "list": Screen(client.get("/filters/policies/")),
        "user": Screen(client.get(f"/filters/users/{user.pk}/")),
    }

    assert "2 users: Policy Riva on keeps appointment, service activity on." in pages["off"].words
    assert "Policy “Riva users” keeps 2 of its users in the opposite state." in pages["off"].words
    assert "Skipped: there is a conflict" in pages["off"].words
    assert link[on] in pages["off"].html
    assert "2 users: Policy Riva users keeps appointment, service activity off." in pages["on"].words
    assert "Conflicts with Riva on over 2 users" in pages["list"].words
    assert "Policy Riva on keeps appointment, service activity on." in pages["user"].words
    assert link[on] in pages["user"].html
    assert link[off] in pages["user"].html


@pytest.mark.parametrize(("do", "loser"), [("leave", "off"), ("decide", "on")])
def test_person_resolves_conflict_between_policies(company, do, loser):
    client = browser(fred())
    off, on = opposed(client, company)
    address = f"/filters/policies/{off.pk}/"
    form = {"source": f"policy:{on.pk}", "do": do}

    client.post(f"{address}step", form | {"users": "1"})
    assert "changed since this page was shown" in Screen(client.get(address)).words
    client.post(f"{address}step", form | {"users": "2"})

    off.refresh_from_db()
    on.refresh_from_db()
    assert {len((off if loser == "off" else on).exceptions), len((on if loser == "off" else off).exceptions)} == {2, 0}
    assert len((off if loser == "off" else on).exceptions) == 2
    assert "Conflicts" not in Screen(client.get(address)).words


def test_preview_names_conflicting_policy(company):
    client = browser(fred())
    policy = written(client, company)
    users = list(FilterUser.objects.values_list("pk", flat=True))
    FilterRow.objects.update(state=1, status=2)

    run = creation.create_run(users, creation.RunSpec(("appointment",), on=True), by=fred())
    agreeing = creation.create_run(users, creation.RunSpec(("task",), on=True), by=fred())

    page = Screen(client.get(f"/filters/runs/{run.pk}/"))
    assert "Policy Riva users keeps appointment, service activity off for all 8 users." in page.words
    assert f'href="/filters/policies/{policy.pk}/"' in page.html
    assert "Riva users" not in Screen(client.get(f"/filters/runs/{agreeing.pk}/")).words
