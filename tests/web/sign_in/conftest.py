"""A browser at the portal and one on the sign-in service's pages, and the steps of a sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.models import Person

HOST = "127.0.0.1:8000"
RECORD = "/review/3f2504e0-4f89-41d3-9a0c-0305e82c3301/"  # the same in every pytest worker


@pytest.fixture
def browser(sandbox: SandboxServer, settings: Settings) -> Client:
    """Return a browser at the portal's own address."""
    settings.BASE_URL = f"http://{HOST}"
    return new_browser()


@pytest.fixture
def outside() -> Iterator[requests.Session]:
    """Return the browser on the sign-in service's pages."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def new_browser() -> Client:
    return Client(headers={"host": HOST})


def begin(client: Client, *, next: str = "", **query: str) -> str:
    """Press the sign-in button; return the address of the sign-in service's page."""
    response = client.get("/sign-in/start", {"next": next, **query})
    assert response.status_code == 302, response.content
    return response.headers["Location"]


def choose(outside: requests.Session, page: str, person: str) -> str:
    """Press a person's button on that page; return the address that leads back to the portal."""
    assert outside.get(page).status_code == 200
    form = dict(parse_qsl(urlsplit(page).query)) | {"person": person}
    response = outside.post(page.partition("?")[0], data=form, allow_redirects=False)
    assert response.status_code == 302, response.text
    return response.headers["Location"].removeprefix(f"http://{HOST}")


def who(client: Client) -> str:
    """Return the name of the person who is signed in in this browser."""
    oid = client.session.get("_auth_user_id")
    return Person.objects.get(pk=oid).name if oid else ""
