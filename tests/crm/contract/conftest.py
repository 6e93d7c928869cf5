"""A real sandbox over HTTP for each module, filled anew for each test, and the real client in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncapp.crm.client import CrmClient
from syncapp.sandbox.config import World
from syncapp.sandbox.server import SandboxServer
from tests.crm.contract.cloud import Cloud
from tests.crm.contract.scene import Scene

SMALL = World(users=4, contacts=4, pending=0, seed=7)


@pytest.fixture(scope="module")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3", world=SMALL) as server:
        yield server


@pytest.fixture
def cloud(_sandbox: SandboxServer) -> Cloud:
    cloud = Cloud(_sandbox.url)
    cloud.post("reset", **vars(SMALL))
    return cloud


@pytest.fixture
def crm(cloud: Cloud) -> CrmClient:
    client = cloud.client()
    cloud.columns = {column.name: column for column in client.columns("contact")}
    return client


@pytest.fixture
def scene(cloud: Cloud) -> Scene:
    return Scene(cloud, cloud.client())
