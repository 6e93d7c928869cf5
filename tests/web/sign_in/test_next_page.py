"""The page that follows the sign-in: linked records, and addresses that are ignored."""

from __future__ import annotations

import pytest
import requests
from django.test import Client

from syncapp.web.sign_in.views import safe_path
from tests.web.sign_in.conftest import HOST, RECORD, begin, choose

pytestmark = pytest.mark.django_db


def test_sign_in_page_announces_linked_edit(browser: Client) -> None:
    assert "Opening the link has not decided anything" in browser.get("/sign-in", {"next": RECORD}).content.decode()
    assert "Opening the link" not in browser.get("/sign-in", {"next": "/review/"}).content.decode()


def test_signed_in_person_skips_sign_in_page(browser: Client, outside: requests.Session) -> None:
    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))

    assert browser.get("/sign-in", {"next": RECORD}).headers["Location"] == RECORD


def test_other_host_name_redirects_once(browser: Client) -> None:
    localhost = Client(headers={"host": "localhost:8000"})

    moved = localhost.get("/sign-in/start", {"next": RECORD}).headers["Location"]

    assert moved.startswith(f"http://{HOST}/sign-in/start?next=")
    assert "/oauth2/v2.0/authorize?" in localhost.get(moved.removeprefix(f"http://{HOST}")).headers["Location"]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "https://evil.example/",
        "https:///evil.example",
        "/\\evil.example",
        "\t//evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "127.0.0.1:8000@evil.example",
        "review/",
        "/" + "a" * 2000,
        "/sign-in?next=/sign-in",
        "/sign-out",
        "",
    ],
)
def test_external_next_is_ignored(browser: Client, outside: requests.Session, target: str) -> None:
    assert safe_path(target) == ""
    back = choose(outside, begin(browser, next=target), "Rita Lindqvist")

    assert browser.get(back).headers["Location"] == "/"


@pytest.mark.parametrize("target", ["/", "/review/", "/review/?q=a%20b&tab=all", RECORD])
def test_internal_next_is_kept(target: str) -> None:
    assert safe_path(target) == target
