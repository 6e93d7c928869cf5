"""Sign-in and sign-out against the sandbox over HTTP."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone

from dataverse_sandbox.config import PEOPLE
from dataverse_sandbox.server import SandboxServer
from syncapp.models import AuditEntry, Person, SignInAttempt
from syncapp.models.person import Role
from tests.support.screen import Screen
from tests.web.sign_in.conftest import HOST, RECORD, begin, choose, new_browser, who

JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.")  # two encoded JSON objects

pytestmark = pytest.mark.django_db


def sandbox_oid(name: str) -> uuid.UUID:
    return uuid.UUID(next(person.object_id for person in PEOPLE if person.name == name))


def test_sign_in_leads_to_linked_record(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser, next=RECORD), "Rita Lindqvist")

    response = browser.get(back)

    assert response.headers["Location"] == RECORD
    rita = Person.objects.get()
    assert (rita.name, rita.address, rita.roles) == (
        "Rita Lindqvist",
        "rita.lindqvist@contoso.example",
        {Role.REVIEWER},
    )
    assert who(browser) == "Rita Lindqvist"


def test_sign_in_renews_session_key(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser), "Rita Lindqvist")
    session = browser.session
    session["planted"] = "before signing in"
    session.save()
    anonymous = session.session_key

    browser.get(back)

    assert browser.session.session_key != anonymous
    assert not browser.session.exists(anonymous)
    assert set(browser.session.keys()) == {
        "_auth_user_id",
        "_auth_user_backend",
        "_auth_user_hash",
        "signed_in_at",
        "browser",
    }


def test_no_token_is_stored(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))

    assert not SignInAttempt.objects.exists()
    assert not JSON_WEB_TOKEN.search(str(dict(browser.session.items())))


def test_callback_works_once(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser), "Rita Lindqvist")
    browser.get(back)
    browser.logout()

    again = browser.get(back)

    assert again.status_code == 400
    assert "Start the sign-in again" in again.content.decode()
    assert who(browser) == ""


def test_repeated_callback_keeps_session(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser), "Rita Lindqvist")
    browser.get(back)

    assert browser.get(back).headers["Location"] == "/"
    assert who(browser) == "Rita Lindqvist"


def test_other_browser_cannot_finish_sign_in(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser), "Rita Lindqvist")
    other = new_browser()
    begin(other)

    assert other.get(back).status_code == 400
    assert who(other) == ""
    assert browser.get(back).status_code == 302, "the first browser can still finish"


def test_unknown_callback_is_refused(browser: Client) -> None:
    for query in ("", "?state=", "?state=made-up&code=made-up", "?code=made-up"):
        assert browser.get(f"/sign-in/callback{query}").status_code == 400


def test_two_tabs_can_sign_in(browser: Client, outside: requests.Session) -> None:
    first = choose(outside, begin(browser, next="/review/?tab=1"), "Rita Lindqvist")
    second = choose(outside, begin(browser, next="/review/?tab=2"), "Rita Lindqvist")

    arrivals = [browser.get(back).headers["Location"] for back in (first, second)]

    assert arrivals == ["/review/?tab=1", "/review/?tab=2"]


def test_sixth_attempt_replaces_the_first(browser: Client, outside: requests.Session) -> None:
    pages = [begin(browser) for _ in range(6)]

    assert SignInAttempt.objects.count() == 5
    assert browser.get(choose(outside, pages[0], "Rita Lindqvist")).status_code == 400
    assert browser.get(choose(outside, pages[5], "Rita Lindqvist")).status_code == 302


def test_attempt_expires_after_ten_minutes(browser: Client, outside: requests.Session) -> None:
    back = choose(outside, begin(browser), "Rita Lindqvist")
    SignInAttempt.objects.update(started_at=timezone.now() - timedelta(minutes=11))

    assert browser.get(back).status_code == 400
    assert who(browser) == ""


def test_old_attempts_are_deleted(browser: Client) -> None:
    begin(browser)
    SignInAttempt.objects.update(started_at=timezone.now() - timedelta(minutes=11))

    begin(new_browser())

    assert SignInAttempt.objects.count() == 1


def test_code_of_another_sign_in_is_refused(browser: Client, outside: requests.Session) -> None:
    stolen = choose(outside, begin(new_browser()), "Ada Brennan")
    mine = choose(outside, begin(browser), "Nils Hagen")
    code, state = dict(parse_qsl(urlsplit(stolen).query))["code"], dict(parse_qsl(urlsplit(mine).query))["state"]

    response = browser.get("/sign-in/callback", {"code": code, "state": state})

    assert response.status_code == 403
    assert who(browser) == ""


def test_person_without_role_gets_no_session(browser: Client, outside: requests.Session) -> None:
    response = browser.get(choose(outside, begin(browser), "Nils Hagen"))

    assert response.status_code == 403
    assert "for a role (viewer, reviewer, filter manager or administrator)" in response.content.decode()
    assert who(browser) == ""
    assert not Person.objects.exists(), "people without a role are not stored"


def test_refused_page_names_assigned_and_known_roles(
    browser: Client, outside: requests.Session, sandbox: SandboxServer
) -> None:
    outside.put(f"{sandbox.url}/sandbox/app-roles", json={"Nils Hagen": ["Reveiwer", "Tester"]}).raise_for_status()

    screen = Screen(browser.get(choose(outside, begin(browser), "Nils Hagen")))

    outside.put(f"{sandbox.url}/sandbox/app-roles", json={}).raise_for_status()
    assert screen.status == 403
    assert "Roles assigned to your account Reveiwer, Tester" in screen.words
    assert "Roles that this portal recognizes Viewer, Reviewer, FilterManager, Administrator" in screen.words


def test_refused_page_says_account_has_no_roles(browser: Client, outside: requests.Session) -> None:
    words = Screen(browser.get(choose(outside, begin(browser), "Nils Hagen"))).words

    assert "Roles assigned to your account none" in words
    assert "Your account has no role in this portal." in words


def test_roles_missing_from_token_are_removed(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))
    Person.objects.update(oid=sandbox_oid("Nils Hagen"))
    later = new_browser()

    later.get(choose(outside, begin(later), "Nils Hagen"))

    assert Person.objects.get().roles == frozenset()


def test_deactivated_person_gets_no_session(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))
    Person.objects.update(is_active=False)

    other = new_browser()
    response = other.get(choose(outside, begin(other), "Rita Lindqvist"))

    assert response.status_code == 403
    assert "Your access to this portal was deactivated." in Screen(response).words
    assert who(other) == ""


def test_sign_in_updates_name_and_roles(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Ada Brennan"))
    Person.objects.update(name="Ada Before", is_viewer=True, is_reviewer=False)

    again = new_browser()
    again.get(choose(outside, begin(again), "Ada Brennan"))

    ada = Person.objects.get()
    assert (ada.name, ada.roles) == ("Ada Brennan", {Role.ADMINISTRATOR, Role.REVIEWER})


def test_second_account_replaces_the_session(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))
    first = browser.session.session_key

    browser.get(choose(outside, begin(browser), "Rob Marchetti"))

    assert who(browser) == "Rob Marchetti"
    assert not browser.session.exists(first)


def test_canceled_sign_in_shows_message(browser: Client, outside: requests.Session) -> None:
    response = browser.get(choose(outside, begin(browser, next=RECORD), "Cancel"))

    assert response.status_code == 403
    assert "The sign-in was canceled" in response.content.decode()
    assert f'name="next" value="{RECORD}"' in response.content.decode()


def test_sign_out_ends_both_sessions(browser: Client, outside: requests.Session, sandbox: SandboxServer) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))
    key = browser.session.session_key

    response = browser.post("/sign-out")

    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert response.headers["Location"].startswith(f"{sandbox.url}/")
    assert not browser.session.exists(key)
    there = outside.get(response.headers["Location"], allow_redirects=False)
    assert there.headers["Location"] == f"http://{HOST}/sign-in"


def test_sign_out_needs_post_and_token(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))
    browser.handler.enforce_csrf_checks = True

    assert (browser.get("/sign-out").status_code, browser.post("/sign-out").status_code) == (405, 403)
    assert who(browser) == "Rita Lindqvist"


def test_sign_in_and_out_are_audited(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Ada Brennan"))
    browser.post("/sign-out")

    entries = AuditEntry.objects.order_by("pk").values_list("action", "actor__name", "details")
    assert list(entries) == [
        ("person.signed_in", "Ada Brennan", {"roles": ["Administrator", "Reviewer"]}),
        ("person.signed_out", "Ada Brennan", {}),
    ]


def test_head_requests_change_nothing(browser: Client, outside: requests.Session) -> None:
    browser.head("/sign-in/start")
    assert not SignInAttempt.objects.exists()
    back = choose(outside, begin(browser), "Rita Lindqvist")

    browser.head(back)

    assert who(browser) == ""
    assert browser.get(back).status_code == 302


def test_another_account_can_be_selected(browser: Client) -> None:
    assert begin(browser, other="1").endswith("&prompt=select_account")
