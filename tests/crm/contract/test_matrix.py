"""Every method of the client, without faults and with each error that the CRM can cause.

The first two tests keep the table complete: a new method or error has to be added to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import pytest

from syncapp.crm import errors
from syncapp.crm.client import CrmClient
from tests.crm.contract.calls import FOLLOWERS, LOCAL, METHODS, READS, WRITES
from tests.crm.contract.cloud import Cloud
from tests.crm.local_server import FixedToken, http, serve

# The answer of a proxy that asks people to sign in.
WELCOME = http(200, b"<html>Welcome</html>")
# The statuses with which the CRM causes each error of a whole request.
STATUSES: dict[type[errors.CrmError], tuple[int, ...]] = {
    errors.Rejected: (400,),
    errors.CredentialsRefused: (401,),
    errors.Forbidden: (403,),
    errors.NotFound: (404,),
    errors.Stale: (412,),
    errors.Throttled: (429,),
    errors.ServerFault: (500, 501),
}
# Errors that no status causes, each with the methods that can raise it.
OTHERS: dict[type[errors.CrmError], tuple[str, ...]] = {
    errors.Unreachable: tuple(METHODS),
    errors.TokenUnavailable: tuple(METHODS),
    errors.ProtocolError: tuple(METHODS),
    errors.DeltaExpired: FOLLOWERS,
    errors.WritesDisabled: tuple(WRITES),
}
every_method = pytest.mark.parametrize("method", METHODS)
every_read = pytest.mark.parametrize("method", READS)


def all_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from all_subclasses(below)


def test_matrix_covers_every_client_method(cloud: Cloud) -> None:
    client = cloud.client()
    parts = {"": client} | {f"{name}.": part for name, part in vars(client).items() if not name.startswith("_")}
    public = {prefix + name for prefix, part in parts.items() for name in vars(type(part)) if not name.startswith("_")}

    assert public == {*METHODS, *LOCAL}


def test_matrix_covers_every_client_error() -> None:
    of_client = {error for error in all_subclasses(errors.CrmError) if error.__module__.startswith("syncapp.crm")}

    assert of_client == {*STATUSES, *OTHERS}


@every_method
def test_method_succeeds_without_faults(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)

    call(cloud.client())


@every_method
@pytest.mark.parametrize(("status", "kind"), [(status, kind) for kind, listed in STATUSES.items() for status in listed])
def test_fault_raises_matching_error(cloud: Cloud, method: str, status: int, kind: type[errors.CrmError]) -> None:
    call = METHODS[method](cloud)
    # A fault without a table applies to the request as a whole, even if it is a batch.
    cloud.fail({"status": status})

    with pytest.raises(errors.CrmError) as caught:
        call(cloud.client())

    assert (type(caught.value), caught.value.status) == (kind, status)
    assert caught.value.may_have_applied is (method in WRITES and status >= 500)


@every_method
def test_permanently_cut_connection_raises_unreachable(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)
    cloud.fail({"cut": "before_commit"})

    with pytest.raises(errors.Unreachable) as caught:
        call(cloud.client())

    assert caught.value.is_transient
    assert caught.value.may_have_applied is (method in WRITES)


@every_method
def test_nothing_is_written_without_token(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)
    before = cloud.last_write()
    cloud.fail({"path": "/oauth2/v2.0/token", "status": 503})

    with pytest.raises(errors.TokenUnavailable) as caught:
        call(cloud.client(token_source=cloud.credentials()))

    assert not caught.value.may_have_applied
    assert cloud.last_write() == before


@every_method
def test_invalid_answer_raises_protocol_error(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)

    with serve(lambda _request: WELCOME) as proxy, pytest.raises(errors.ProtocolError) as caught:
        call(cloud.client(origin=proxy.origin, token_source=FixedToken()))

    assert caught.value.may_have_applied is (method in WRITES)


@pytest.mark.parametrize("method", WRITES)
def test_read_only_connection_sends_no_write(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)
    before = cloud.last_write()
    client = CrmClient(transport=cloud.transport(), writes_allowed=lambda: False, filter_writes_allowed=lambda: False)

    with pytest.raises(errors.WritesDisabled):
        call(client)

    assert cloud.last_write() == before


@pytest.mark.parametrize("method", FOLLOWERS)
def test_expired_link_raises_delta_expired(cloud: Cloud, crm: CrmClient, method: str) -> None:
    read: Callable[..., Any] = attrgetter(method)(crm)
    link = read().delta_link
    cloud.post("expire", delta_tokens=True)

    with pytest.raises(errors.DeltaExpired) as caught:
        read(link)

    assert (caught.value.status, caught.value.is_transient) == (400, False)


@every_read
def test_read_survives_transient_fault(cloud: Cloud, method: str) -> None:
    call = METHODS[method](cloud)
    cloud.fail({"status": 503, "times": 1})

    call(cloud.client())


@every_read
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_read_survives_cut_connection(cloud: Cloud, method: str, moment: str) -> None:
    call = METHODS[method](cloud)
    cloud.fail({"cut": moment, "times": 1})

    call(cloud.client())


@pytest.mark.parametrize("method", LOCAL)
def test_local_methods_succeed_during_crm_failure(cloud: Cloud, crm: CrmClient, method: str) -> None:
    cloud.fail({"status": 500})

    getattr(crm, method)(*(["bulk"] if method == "in_lane" else []))
