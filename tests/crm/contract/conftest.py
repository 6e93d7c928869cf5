"""A sandbox over HTTP, reset for each test, and the real client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest

from dataverse_sandbox.config import World
from dataverse_sandbox.server import SandboxServer
from syncapp.crm.client import CrmClient
from tests.crm.contract.cloud import FASTER, PUBLISHED, Cloud
from tests.crm.contract.edit import Edit
from tests.crm.contract.real import IS_REAL, without_secrets
from tests.crm.contract.scene import Scene

SMALL = World(users=4, contacts=4, pending=0, seed=7)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3", world=SMALL) as running:
        yield running


@pytest.fixture(scope="session")
def _cloud(server: SandboxServer) -> Cloud:
    """Cache a token and the contact's columns for all tests of a process."""
    cloud = Cloud(server.url)
    cloud.columns = {column.name: column for column in cloud.client().columns("contact")}
    return cloud


@pytest.fixture
def cloud(_cloud: Cloud) -> Cloud:
    _cloud.post("reset", **vars(SMALL))
    return _cloud


@pytest.fixture
def crm(cloud: Cloud) -> CrmClient:
    return cloud.client()


@pytest.fixture
def scene(cloud: Cloud) -> Scene:
    return Scene(cloud, cloud.client())


@pytest.fixture
def edit(cloud: Cloud, crm: CrmClient) -> Edit:
    return Edit(cloud, crm)


@pytest.fixture
def limited(cloud: Cloud) -> Callable[..., None]:
    """Return a function that lowers the CRM's limits."""

    def limit(**more: object) -> None:
        cloud.fail(time_scale=1 / FASTER, limits={**PUBLISHED, **more})

    return limit


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remove secrets from the reports of tests that fail in a real environment."""
    report = yield
    if IS_REAL:
        report.sections = [(name, without_secrets(text)) for name, text in report.sections]
        report.longrepr = without_secrets(str(report.longrepr)) if report.failed else report.longrepr
    return report
