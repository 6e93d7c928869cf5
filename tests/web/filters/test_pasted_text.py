"""Pasted and uploaded text on every page that takes it: limits, exports read back, and no error 500."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse

from syncapp.models import FilterPolicy, FilterRun, FilterTeam, FilterUser, UserList
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import creation
from syncapp.web.filters import plan_form
from tests.support.people import browser, fred
from tests.support.screen import text
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db

PLAN = {"freeze": "freeze", "source": "names", "want": "off", "tables": "contacts", "stop": "5"}


def post_plan(words: str) -> HttpResponse:
    return browser(fred()).post("/filters/plan", PLAN | {"names": words})


def post_list(words: str) -> HttpResponse:
    return browser(fred()).post("/filters/lists/save", {"name": "Riva", "text": words})


def post_policy(words: str) -> HttpResponse:
    team = FilterTeam.objects.get_or_create(pk="00000000-0000-0000-0000-000000000200", name="North")[0]
    form = {"name": "P", "group": f"team:{team.pk}", "tables": "contact", "wanted": "off", "per_night": "5"}
    return browser(fred()).post("/filters/policies/create", form | {"exceptions": words})


POSTS = [post_plan, post_list, post_policy]


@pytest.mark.parametrize("post", POSTS)
@pytest.mark.parametrize("start", ["", '"'])
def test_text_above_csv_limit_is_reported(post, start: str) -> None:
    page = text(post(start + "x" * 140_000), 422)

    assert "longer than 320 characters" in page
    assert "x" * 140_000 in page
    assert not FilterRun.objects.exists() | FilterPolicy.objects.exists() | UserList.objects.exists()


@pytest.mark.parametrize("post", POSTS)
def test_refusal_of_too_many_lines_names_limit(post) -> None:
    words = "\n".join(f"somebody.{number:06}@contoso.example" for number in range(100_000))

    page = text(post(words), 422)

    assert "larger than 2 MB" in page or "at most 50,000" in page
    assert "somebody.000999@contoso.example" in page
    assert "character" not in page


def test_too_many_ticked_rows_are_refused(settings) -> None:
    rows = [f"{number:032x}" for number in range(1_005)]

    answer = browser(fred()).post("/filters/freeze", {"user": rows, "do": "off", "tables": "contacts"}, follow=True)

    assert answer.status_code == 200
    assert "character" not in answer.content.decode()
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
    page = text(browser(fred()).post("/filters/freeze", {"user": rows, "do": "off", "tables": "contacts"}), 413)
    assert "more than 1,000 fields or selected rows" in page


def test_form_limits_apply_before_server_limits(settings) -> None:
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS > creation.MAX_USERS
    assert 2 * max(user_lists.MAX_BYTES, plan_form.MAX_BYTES) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    assert "is larger than 1 MB" in text(post_plan("x" * 1_000_001), 413)


def test_skipped_entries_are_shown_after_saving() -> None:
    make_user("Ann Abel")
    words = "ann.abel@contoso.example\n" + "x" * 400 + "\nAnn Abel;Sales"

    page = text(browser(fred()).post("/filters/lists/save", {"name": "Riva", "text": words}, follow=True), 200)

    assert "Line 2: longer than 320 characters" in page
    assert "On line 3, “Sales” next to “Ann Abel” was not read." in page


def test_uploaded_export_matches_the_same_users() -> None:
    users = [make_user(name, login=login, address=address, address_key=address) for name, login, address in _PEOPLE]
    client = browser(fred())
    run = creation.create_run([user.pk for user in users], creation.RunSpec(("contact",), on=False), by=fred())
    run.items.update(why="Two filters: one; another, “both”", outcome="already")
    FilterUser.objects.update(filters_read_at="2099-01-01T00:00Z")

    semicolons = {"separator": "semicolon"}
    exports = [client.get(reverse("run_csv", args=[run.pk]), asked) for asked in ({}, semicolons)]
    exports += [client.get(reverse("run_verified", args=[run.pk, form]), semicolons) for form in ("csv", "txt")]

    for number, export in enumerate(exports):
        content = export.getvalue() if export.streaming else export.content
        upload = SimpleUploadedFile("export.csv", content)
        client.post("/filters/lists/save", {"name": f"List {number}", "file": upload})
        kept = UserList.objects.get(name=f"List {number}")
        assert set(user_lists.matched_user_ids(kept)) == {user.pk for user in users}, number
        assert user_lists.count_unmatched(kept) == 0


_PEOPLE = [
    ("Ann Abel", "CONTOSO\\ann", "a@contoso.example"),
    ("Bell, Bob", "CONTOSO\\bob", "b@contoso.example"),
    ("-Cid Cox", "CONTOSO\\cid", ""),
    ("=Dan; Day", "", "d@contoso.example"),
]


def test_table_with_semicolons_is_read() -> None:
    make_user("Ann Abel", address="a@contoso.example", address_key="a@contoso.example")
    table = io.StringIO()
    csv.writer(table, delimiter=";", quoting=csv.QUOTE_ALL).writerows(
        [["User", "Why", "Address"], ["Ann Abel", "on; off, on", "a@contoso.example"], ["Bob", "'=x", "b@x.example"]]
    )

    page = text(post_plan(table.getvalue()), 422)

    assert "1 user found, 1 left out" in page
    assert "b@x.example" in page
