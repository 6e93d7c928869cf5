"""A bare CRM for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataverse_sandbox.server import SandboxServer
from tests.tenant.setup.bare import Bare


@pytest.fixture
def bare(sandbox: SandboxServer) -> Iterator[Bare]:
    """Provide a CRM without anything of the portal; later tests get one with it."""
    crm = Bare(sandbox)
    yield crm
    crm.line.close()
    crm.reset(bare=False)
