"""Sign-in at the sandbox: redirect to the authorize page, return with a code."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
import requests

from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, PEOPLE, TENANT
from syncapp.crm.auth.sign_in import SignIn, SignInRefused, demo_session

REDIRECT = "http://127.0.0.1:8000/sign-in/back"


def _sign_in(cloud):
    return SignIn(
        authority=cloud.authority,
        client_id=CLIENT_ID,
        credentials=[CLIENT_SECRET],
        session=demo_session(cloud.authority),
    )


def _choose(flow, person) -> dict[str, str]:
    """Press the person's button and return the query of the redirect."""
    with requests.Session() as session:
        session.trust_env = False
        page = session.get(flow["auth_uri"], timeout=10)
        assert page.ok, page.text
        carried = dict(parse_qsl(urlsplit(flow["auth_uri"]).query))
        answer = session.post(
            flow["auth_uri"], data={**carried, "person": person.name}, allow_redirects=False, timeout=10
        )
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.first_name)
def test_every_demo_user_can_sign_in(cloud, person):
    sign_in = _sign_in(cloud)
    flow = sign_in.begin(REDIRECT)

    claims = sign_in.finish(flow, _choose(flow, person))

    assert (claims.oid, claims.tenant_id) == (UUID(person.object_id), UUID(TENANT))
    assert (claims.name, claims.address) == (person.name, person.address)
    assert claims.roles == frozenset(person.roles)


def test_authorization_code_works_once(cloud):
    sign_in = _sign_in(cloud)
    flow = sign_in.begin(REDIRECT)
    back = _choose(flow, PEOPLE[0])
    sign_in.finish(flow, back)

    with pytest.raises(SignInRefused):
        sign_in.finish(flow, back)


@pytest.mark.parametrize("secret", ["state", "nonce", "code_verifier", "redirect_uri"])
def test_code_of_other_flow_is_refused(cloud, secret):
    sign_in = _sign_in(cloud)
    mine, other = sign_in.begin(REDIRECT), sign_in.begin(f"{REDIRECT}/other")
    back = _choose(mine, PEOPLE[0])

    with pytest.raises(SignInRefused):
        sign_in.finish({**mine, secret: other[secret]}, back)
