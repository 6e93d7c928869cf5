"""Sandboxes over HTTP and TLS, and the third-party clients that use them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from dataverse_sandbox import config
from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from tests.interop import environments
from tests.interop.environments import HERE, Unavailable
from tests.interop.organization import Organization
from tests.interop.program import Program


@pytest.fixture(scope="session")
def python_clients() -> Path:
    """Return the interpreter of the Python clients, which is set up if missing (this takes a minute)."""
    try:
        return environments.python()
    except Unavailable as error:
        pytest.skip(f"*** NOT RUN: no environment for the Python clients: {error} ***")


@pytest.fixture(scope="session")
def node_client() -> Path:
    """Return the node program, whose packages are installed if missing."""
    try:
        return environments.node()
    except Unavailable as error:
        pytest.skip(f"*** NOT RUN: no environment for the node client: {error} ***")


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("plain") / "crm.sqlite3", world=EMPTY_WORLD) as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a certificate authority; `server.pem` beside it is for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("authority")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[SandboxServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("server.pem"))
    data = tmp_path_factory.mktemp("tls") / "crm.sqlite3"
    with SandboxServer(data, world=EMPTY_WORLD, tls=context) as server:
        yield server


def _environment(server: SandboxServer, **more: str) -> dict[str, str]:
    """Return the environment of a script, without the project's own."""
    told = {"ORIGIN": server.url, "TENANT": config.TENANT, "CLIENT_ID": config.CLIENT_ID}
    inherited = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return {**inherited, **told, "CLIENT_SECRET": config.CLIENT_SECRET, **more}


@pytest.fixture(scope="module")
def microsoft_sdk(python_clients: Path, tls_server: SandboxServer, authority: Path) -> Iterator[Program]:
    """Run Microsoft's SDK, which requires https."""
    script = HERE / "clients" / "microsoft_sdk.py"
    environment = _environment(tls_server, REQUESTS_CA_BUNDLE=str(authority))
    with Program.start([str(python_clients), str(script)], environment) as program:
        yield program


@pytest.fixture(scope="module")
def risanger(python_clients: Path, tls_server: SandboxServer, authority: Path) -> Iterator[Program]:
    script = HERE / "clients" / "risanger.py"
    environment = _environment(tls_server, REQUESTS_CA_BUNDLE=str(authority))
    with Program.start([str(python_clients), str(script)], environment) as program:
        yield program


@pytest.fixture(scope="module")
def dynamics_web_api(node_client: Path, plain_server: SandboxServer) -> Iterator[Program]:
    script = HERE / "clients" / "dynamics_web_api.mjs"
    with Program.start([str(node_client), str(script)], _environment(plain_server)) as program:
        yield program


@pytest.fixture
def plain_organization(plain_server: SandboxServer) -> Iterator[Organization]:
    with Organization.fresh(plain_server) as organization:
        yield organization


@pytest.fixture
def tls_organization(tls_server: SandboxServer, authority: Path) -> Iterator[Organization]:
    with Organization.fresh(tls_server, verify=str(authority)) as organization:
        yield organization
