"""The details of errors and the reactions to them; `test_matrix` has the errors per method."""

from __future__ import annotations

import pytest

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from syncapp.crm import errors
from syncapp.crm.client import CrmClient
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import OURSELVES
from tests.crm.local_server import FixedToken


def test_throttled_error_has_retry_after(cloud, crm):
    cloud.fail({"status": 429, "retry_after": 120})

    with pytest.raises(errors.Throttled) as caught:
        crm.who_am_i()

    assert (caught.value.retry_after, caught.value.code) == (120.0, "0x80072322")


def test_client_waits_for_short_retry_after(cloud):
    transport = cloud.transport()
    cloud.fail({"status": 429, "retry_after": 4, "times": 2})

    CrmClient(transport=transport).who_am_i()

    assert transport.pauses == [4.0, 4.0]


def test_expired_token_is_renewed(cloud):
    tokens = cloud.credentials()
    crm, expired = cloud.client(token_source=tokens), tokens.token()
    before = crm.who_am_i()
    cloud.post("expire", access_tokens=True)

    assert crm.who_am_i() == before
    assert tokens.token() != expired


def test_invalid_token_is_refused(cloud):
    with pytest.raises(errors.CredentialsRefused):
        cloud.client(token_source=FixedToken()).who_am_i()


@pytest.mark.parametrize("trouble", ["disabled", "no role"])
def test_disabled_or_roleless_application_user_is_forbidden(scene, trouble):
    if trouble == "disabled":
        scene.cloud.call("PATCH", f"systemusers({OURSELVES})", {"isdisabled": True})
    else:
        (role,) = scene.roles(OURSELVES)
        scene.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({role})/$ref")

    with pytest.raises(errors.Forbidden):
        scene.crm.who_am_i()


def test_second_401_raises_credentials_refused(cloud):
    crm = cloud.client()
    crm.who_am_i()
    cloud.fail({"status": 401})

    with pytest.raises(errors.CredentialsRefused) as caught:
        crm.who_am_i()

    assert caught.value.status == 401


def test_wrong_secret_raises_credentials_refused(cloud):
    crm = cloud.client(token_source=cloud.credentials("wrong"))

    with pytest.raises(errors.CredentialsRefused) as caught:
        crm.who_am_i()

    assert caught.value.code == "invalid_client"
    assert not caught.value.is_transient


def test_credentials_work_again_once_accepted(cloud):
    crm = cloud.client()
    cloud.fail(credentials_refused=True)
    with pytest.raises(errors.CredentialsRefused):
        crm.who_am_i()
    cloud.heal()

    assert crm.who_am_i()


def test_failing_token_endpoint_is_transient(cloud):
    transport = cloud.transport(token_source=cloud.credentials())
    crm = CrmClient(transport=transport)
    cloud.fail({"path": "/oauth2/v2.0/token", "status": 503})

    with pytest.raises(errors.TokenUnavailable) as caught:
        crm.who_am_i()
    cloud.heal()

    assert caught.value.is_transient
    assert transport.pauses == []
    assert crm.who_am_i()


def test_stopped_crm_is_unreachable(tmp_path):
    with SandboxServer(tmp_path / "gone.sqlite3", world=EMPTY_WORLD) as sandbox:
        crm = Cloud(sandbox.url).client()
        crm.who_am_i()

    with pytest.raises(errors.Unreachable):
        crm.who_am_i()
