"""Access to every view by role and method, and session limits."""

from __future__ import annotations

import re
import time
import uuid

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver, resolve, reverse
from django.urls.converters import IntConverter, PathConverter, SlugConverter, UUIDConverter

from syncapp.models import AuditEntry, SyncRecord
from syncapp.models.person import Role
from syncapp.web.base.access import SIGNED_IN_AT
from syncapp.web.sign_in.session_limits import ACTIVE_AT, SESSION_SECONDS
from tests.support import people
from tests.support.factories import make_record
from tests.support.people import browser

V, R, A, F = Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR, Role.FILTER_MANAGER
PUBLIC = None
# A new view fails here until the table says who may call it, and how.
TABLE: dict[str, tuple[frozenset[Role] | None, str]] = {
    "home": (frozenset({V, R, A, F}), "GET"),
    "queue": (frozenset({V, R, A}), "GET"),
    "fresh": (frozenset({V, R, A}), "GET"),
    "more": (frozenset({V, R, A}), "GET"),
    "written": (frozenset({V, R, A}), "GET"),
    "find": (frozenset({R}), "POST"),
    "stay": (frozenset(Role), "POST"),
    "save_view": (frozenset({V, R, A}), "POST"),
    "delete_view": (frozenset({V, R, A}), "POST"),
    "select": (frozenset({R}), "POST"),
    "park_selected": (frozenset({R}), "POST"),
    "unpark_selected": (frozenset({R}), "POST"),
    "assign_selected": (frozenset({R}), "POST"),
    "selection": (frozenset({V, R, A}), "GET"),
    "decide_selection": (frozenset({R}), "POST"),
    "read_selection": (frozenset({R}), "POST"),
    "undo_selection": (frozenset({R}), "POST"),
    "select_left": (frozenset({R}), "POST"),
    "record": (frozenset({V, R, A}), "GET"),
    "decide": (frozenset({R}), "POST"),
    "read_again": (frozenset({R}), "POST"),
    "undo": (frozenset({R}), "POST"),
    "undo_last": (frozenset({R}), "POST"),
    "put_back": (frozenset({R}), "POST"),
    "approve_after_all": (frozenset({R}), "POST"),
    "retry": (frozenset({R}), "POST"),
    "activity": (frozenset({V, R, A, F}), "GET"),
    "activity_entry": (frozenset({V, R, A, F}), "GET"),
    "activity_csv": (frozenset({V, R, A, F}), "GET"),
    "evidence": (frozenset({V, R, A}), "GET"),
    "numbers": (frozenset({V, R, A}), "GET"),
    "numbers_csv": (frozenset({V, R, A}), "GET"),
    "undo_group": (frozenset({R}), "POST"),
    "assign": (frozenset({R}), "POST"),
    "park": (frozenset({R}), "POST"),
    "unpark": (frozenset({R}), "POST"),
    "remark": (frozenset({V, R, A}), "POST"),
    "ask": (frozenset({V, R, A}), "POST"),
    "reply": (frozenset({V, R, A}), "POST"),
    "presence": (frozenset({V, R, A}), "POST"),
    "history": (frozenset({V, R, A}), "GET"),
    "link": (frozenset({V, R, A}), "GET"),
    "mail_wishes": (PUBLIC, "GET POST"),
    "settings_review": (frozenset({A}), "GET"),
    "settings_change": (frozenset({A}), "POST"),
    "settings_mails": (frozenset({A}), "GET"),
    "settings_test_mail": (frozenset({A}), "POST"),
    "settings_retry_mail": (frozenset({A}), "POST"),
    "settings_rules": (frozenset({A}), "GET"),
    "settings_rule_new": (frozenset({A}), "GET"),
    "settings_rule_create": (frozenset({A}), "POST"),
    "settings_rule": (frozenset({A}), "GET"),
    "settings_rule_edit": (frozenset({A}), "GET"),
    "settings_rule_change": (frozenset({A}), "POST"),
    "settings_rule_step": (frozenset({A}), "POST"),
    "settings_capture": (frozenset({A}), "GET"),
    "settings_capture_csv": (frozenset({A}), "GET"),
    "settings_capture_limit": (frozenset({A}), "POST"),
    "settings_capture_step": (frozenset({A}), "POST"),
    "settings_capture_on": (frozenset({A}), "GET POST"),
    "settings_capture_source": (frozenset({A}), "POST"),
    "settings_capture_column": (frozenset({A}), "POST"),
    "settings_capture_changes": (frozenset({A}), "GET"),
    "settings_capture_changes_csv": (frozenset({A}), "GET"),
    "settings_capture_identities": (frozenset({A}), "GET"),
    "settings_capture_identity_add": (frozenset({A}), "GET POST"),
    "settings_capture_identity_remove": (frozenset({A}), "POST"),
    "settings_put_back": (frozenset({A}), "GET"),
    "settings_put_back_create": (frozenset({A}), "POST"),
    "settings_put_back_plan": (frozenset({A}), "GET"),
    "settings_put_back_step": (frozenset({A}), "POST"),
    "settings_people": (frozenset({A}), "GET"),
    "settings_person_add": (frozenset({A}), "POST"),
    "settings_person": (frozenset({A}), "GET"),
    "settings_person_change": (frozenset({A}), "POST"),
    "help_page": (frozenset({V, R, A, F}), "GET"),
    "settings_me": (frozenset({V, R, A, F}), "GET"),
    "settings_me_change": (frozenset({V, R, A, F}), "POST"),
    "settings_connection": (frozenset({A}), "GET"),
    "settings_writes": (frozenset({A}), "POST"),
    "settings_stop": (frozenset({A}), "POST"),
    "settings_resume": (frozenset({A}), "POST"),
    "settings_captured": (frozenset({A}), "POST"),
    "settings_probe": (frozenset({A}), "POST"),
    "settings_check": (frozenset({A}), "GET"),
    "settings_check_now": (frozenset({A}), "POST"),
    "settings_file": (frozenset({A}), "GET"),
    "settings_export": (frozenset({A}), "GET"),
    "settings_compare": (frozenset({A}), "POST"),
    "settings_apply": (frozenset({A}), "POST"),
    "filters": (frozenset({V, F, A}), "GET"),
    "save_filter_view": (frozenset({V, F, A}), "POST"),
    "filter_view": (frozenset({V, F, A}), "GET"),
    "rename_filter_view": (frozenset({V, F, A}), "POST"),
    "delete_filter_view": (frozenset({V, F, A}), "POST"),
    "plan_run": (frozenset({F}), "GET POST"),
    "freeze": (frozenset({F}), "POST"),
    "read_user": (frozenset({V, F, A}), "POST"),
    "filter_runs": (frozenset({V, F, A}), "GET"),
    "filter_run": (frozenset({V, F, A}), "GET"),
    "run_csv": (frozenset({V, F, A}), "GET"),
    "run_verified": (frozenset({V, F, A}), "GET"),
    "run_paper": (frozenset({V, F, A}), "GET"),
    "filter_user": (frozenset({V, F, A}), "GET"),
    "forecast": (frozenset({V, F, A}), "POST"),
    "restore": (frozenset({F}), "POST"),
    "filter_risk": (frozenset({V, F, A}), "GET"),
    "filter_risk_csv": (frozenset({V, F, A}), "GET"),
    "user_lists": (frozenset({V, F, A}), "GET"),
    "user_list": (frozenset({V, F, A}), "GET"),
    "save_list": (frozenset({F, A}), "POST"),
    "delete_list": (frozenset({F, A}), "POST"),
    "everybody": (frozenset({V, F, A}), "GET"),
    "policies": (frozenset({V, F, A}), "GET"),
    "policy": (frozenset({V, F, A}), "GET"),
    "policy_new": (frozenset({F}), "GET"),
    "policy_create": (frozenset({F}), "POST"),
    "policy_edit": (frozenset({F}), "GET"),
    "policy_change": (frozenset({F}), "POST"),
    "policy_step": (frozenset({F}), "POST"),
    "policy_confirm": (frozenset({F, A}), "POST"),
    "steer_run": (frozenset({F}), "POST"),
    "confirm_run": (frozenset({F, A}), "POST"),
    "sign_in": (PUBLIC, "GET"),
    "sign_in_start": (PUBLIC, "GET"),
    "sign_in_callback": (PUBLIC, "GET"),
    "sign_out": (PUBLIC, "POST"),
    "tours": (PUBLIC, "GET"),
    "start_over": (PUBLIC, "GET POST"),
    "healthz": (PUBLIC, "GET"),
    "metrics": (PUBLIC, "GET"),
}
EXAMPLES = {UUIDConverter: uuid.uuid4(), IntConverter: 1, SlugConverter: "address", PathConverter: "token"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
GUARDED = [name for name, (roles, _) in TABLE.items() if roles is not PUBLIC]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/review/?q=villa"}


def _patterns() -> list[URLPattern]:
    found, resolvers = [], [get_resolver()]
    while resolvers:
        for entry in resolvers.pop().url_patterns:
            (found if isinstance(entry, URLPattern) else resolvers).append(entry)
    return found


def address(name: str) -> str:
    pattern = next(pattern for pattern in _patterns() if pattern.name == name)
    arguments = {name: EXAMPLES[type(kind)] for name, kind in pattern.pattern.converters.items()}
    return reverse(name, kwargs=arguments)


def methods_of(name: str) -> set[str]:
    methods = set(TABLE[name][1].split())
    return methods | {"HEAD"} if "GET" in methods else methods


def is_let_in(response: HttpResponse) -> bool:
    """Return whether the view itself answered: it decides about unknown ids."""
    leads_to_sign_in = response.headers.get("Location", "").startswith(reverse("sign_in") + "?")
    return response.status_code not in (401, 403, 405) and not leads_to_sign_in


def test_every_view_is_in_the_access_table() -> None:
    assert {pattern.name for pattern in _patterns()} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_view_is_guarded_as_listed(name: str) -> None:
    view = resolve(address(name)).func

    assert (view.allowed_roles, set(view.allowed_methods)) == (TABLE[name][0], methods_of(name))


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", GUARDED)
def test_only_listed_roles_have_access(name: str, role: Role) -> None:
    client = browser(people.make_person("Somebody", role))
    tried = METHODS if role in TABLE[name][0] else methods_of(name)

    answers = {method: client.generic(method, address(name)) for method in tried}

    assert {method for method, answer in answers.items() if is_let_in(answer)} == (
        methods_of(name) if role in TABLE[name][0] else set()
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", GUARDED)
def test_access_needs_sign_in_and_role(name: str) -> None:
    for client in (browser(), browser(people.nils())):
        answers = [client.generic(method, address(name)) for method in methods_of(name)]

        assert not [answer for answer in answers if is_let_in(answer)]


@pytest.mark.django_db
@pytest.mark.parametrize("name", TABLE)
def test_unlisted_methods_are_refused_before_sign_in(name: str) -> None:
    client = browser()

    for method in set(METHODS) - methods_of(name):
        assert client.generic(method, address(name)).status_code == 405


@pytest.mark.django_db
def test_get_on_post_only_url_returns_405() -> None:
    response = browser().get(reverse("save_list"))

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert "Opening it has not changed anything" in response.content.decode()


@pytest.mark.django_db
def test_redirect_to_sign_in_keeps_requested_page() -> None:
    response = browser().get(reverse("queue") + "?q=villa")

    assert response.headers["Location"] == "/sign-in?next=%2Freview%2F%3Fq%3Dvilla"


@pytest.mark.django_db
def test_redirect_after_post_keeps_no_page() -> None:
    response = browser().post(address("decide"))

    assert response.headers["Location"] == "/sign-in?next=%2F"


@pytest.mark.django_db
def test_htmx_request_is_redirected_to_sign_in() -> None:
    response = browser().post(address("decide"), headers=HTMX)

    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/sign-in?next=%2Freview%2F%3Fq%3Dvilla"


@pytest.mark.django_db
def test_missing_role_is_named() -> None:
    response = browser(people.vera()).post(address("decide"))

    assert response.status_code == 403
    text = " ".join(re.sub(r"<[^>]+>", "", response.content.decode()).split())
    assert "people with the role Reviewer" in text
    assert "signed in as Vera, Viewer" in text


@pytest.mark.django_db
def test_pages_are_not_cached() -> None:
    client = browser(people.rita())

    pages = [client.get("/review/"), client.get("/sign-in"), client.get("/nowhere"), client.get("/healthz")]

    assert {page.headers["Cache-Control"] for page in pages} == {"no-store"}


@pytest.mark.django_db
@pytest.mark.parametrize(("age", "status"), [(SESSION_SECONDS - 60, 200), (SESSION_SECONDS + 60, 302)])
def test_session_ends_after_eight_hours(age: float, status: int) -> None:
    client = browser(people.rita())
    session = client.session
    session[SIGNED_IN_AT] = time.time() - age
    session[ACTIVE_AT] = time.time()
    session.save()

    assert client.get("/review/").status_code == status


def idle_for(seconds: float) -> Client:
    client = browser(people.rita())
    session = client.session
    session.update({SIGNED_IN_AT: time.time() - 7200, ACTIVE_AT: time.time() - seconds})
    session.save()
    return client


@pytest.mark.django_db
def test_idle_session_ends_with_explanation() -> None:
    client = idle_for(30 * 60 + 5)

    answer = client.get("/review/", follow=True)

    assert "signed out after 30 minutes without activity" in answer.content.decode()
    assert "/review/" in answer.content.decode(), "signing in leads back to the page"


@pytest.mark.django_db
@pytest.mark.parametrize(("headers", "is_in"), [({}, True), ({"By-Itself": "1"}, False)])
def test_automatic_requests_do_not_extend_session(headers: dict[str, str], is_in: bool) -> None:
    client = idle_for(29 * 60)
    client.get("/review/fresh", headers=headers)

    with time_machine.travel(time.time() + 5 * 60, tick=False):
        assert (client.get("/review/").status_code == 200) is is_in


@pytest.mark.django_db
def test_session_of_unknown_age_ends() -> None:
    client = Client()
    client.force_login(people.rita())

    assert client.get("/review/").status_code == 302


@pytest.mark.django_db
def test_deactivated_person_is_signed_out() -> None:
    rita = people.rita()
    client = browser(rita)
    rita.is_active = False
    rita.save()

    assert client.get("/review/").status_code == 302
    rita.is_active = True
    rita.save()
    assert client.get("/review/").status_code == 302, "the session was deleted, not only refused"


@pytest.mark.django_db
def test_removed_role_takes_effect_immediately() -> None:
    rita = people.rita()
    client = browser(rita)
    people.make_person("Rita", Role.FILTER_MANAGER)

    assert client.get("/review/").status_code == 403


@pytest.mark.django_db
def test_get_requests_change_nothing() -> None:
    record = make_record()
    before = SyncRecord.objects.values().get()
    client = browser(people.rita())

    client.head(reverse("record", args=[record.pk]))
    client.get(reverse("record", args=[record.pk]))

    assert SyncRecord.objects.values().get() == before
    assert not AuditEntry.objects.exists()
