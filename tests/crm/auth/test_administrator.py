"""Sign-in of an administrator at the sandbox by device code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from dataverse_sandbox import config
from syncapp.crm.auth import administrator
from syncapp.crm.auth.authority import demo_session
from syncapp.crm.errors import CredentialsRefused

SCOPE = "https://crm.example/user_impersonation"


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def application(sandbox):
    authority = f"{sandbox.url.replace('http:', 'https:')}/{config.TENANT}"
    session = demo_session(authority)
    return administrator.public_application(
        authority=authority, client_id=administrator.SAMPLE_CLIENT_ID, session=session
    )


def who(sandbox, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{sandbox.url}/api/data/v9.2/WhoAmI", headers=headers, timeout=10).json()["UserId"]


@pytest.mark.parametrize(("person", "is_refused"), [("Ada Brennan", False), ("", True)])
def test_device_code_waits_for_person(sandbox, application, browser, person, is_refused):
    def tell(text):
        address, code = re.search(r"open (\S+) and enter the code (\w+)", text).groups()
        browser.post(address, data={"code": code, "person": person})

    source = administrator.by_device_code(application, scope=SCOPE, tell=tell)

    if is_refused:
        with pytest.raises(CredentialsRefused, match="authorization_declined"):
            source.token()
    else:
        assert who(sandbox, source.token()) == config.person("Ada Brennan").user_id
