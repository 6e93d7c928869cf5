"""One check at a time against the sandbox, or against answers that the sandbox does not give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.connection import clients
from syncapp.crm.client import CrmClient
from syncapp.crm.names import Names
from syncapp.crm.transport import Transport
from syncapp.tenant.checks import run
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Answer
from tests.crm.local_server import FixedToken, Received, json_answer, serve
from tests.support.world import World

Ask = Callable[..., Answer]
WHO_AM_I = {
    "UserId": "00000000-0000-4000-8000-000000000001",
    "OrganizationId": "00000000-0000-4000-8000-000000000002",
    "BusinessUnitId": "00000000-0000-4000-8000-000000000003",
}


def answer_of(check_id: str, context: Context) -> Answer:
    """Make one check; an error of the CRM becomes its answer, as in a run of all checks."""
    check = next(check for check in run.all_checks(context.names) if check.id == check_id)
    return run.run_check(check, context)[0]


@pytest.fixture(scope="module", autouse=True)
def _fresh(sandbox_server: SandboxServer) -> None:
    World(sandbox_server.url).reset()


@pytest.fixture
def company(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[World]:
    """Return the CRM. It is not reset for each test; privileges that a test takes away are given back."""
    settings.CRM_ENABLE_WRITES = True
    story = World(sandbox.url)
    story.begin_ledger()
    yield story
    story.heal()
    if story.is_bare:
        story.reset()
    story.take_away()


@pytest.fixture
def ask(company: World) -> Ask:
    """Return a function that makes one check against the sandbox, with some names of CRM_NAMES replaced."""

    def asked(check_id: str, *, names: Mapping[str, str] | None = None, **options: Any) -> Answer:
        return answer_of(check_id, Context(clients.crm(), Names.from_mapping(names or {}), **options))

    return asked


@contextmanager
def answering(
    answers: Mapping[str, Any], *, fails: Sequence[str] = (), failing_status: int = 400, **headers: str
) -> Iterator[Context]:
    """Yield a context whose CRM gives the first of `answers` whose key is in the request's address.

    Bytes are sent as they are. It refuses addresses with one of `fails` in them.
    """

    def handle(request: Received) -> bytes:
        if any(part in request.target for part in fails):
            return json_answer({"error": {"code": "0x0", "message": "No such property."}}, failing_status)
        found = next((body for part, body in answers.items() if part in request.target), {"value": []})
        return found if isinstance(found, bytes) else json_answer(found, **headers)

    with serve(handle) as server:
        crm = CrmClient(transport=Transport(origin=server.origin, token_source=FixedToken()))
        yield Context(crm, Names())
