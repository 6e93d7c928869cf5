"""The demo says what is still missing while it starts."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.management.commands import demo
from tests.crm.local_server import json_answer, serve
from tests.support.servers import free_port

WORKER = "No worker has answered yet."


@pytest.mark.parametrize(
    ("status", "troubles", "missing"),
    [(200, [], []), (503, [WORKER], [WORKER]), (503, [], ["The portal is not healthy."])],
)
def test_demo_names_missing_parts(settings: Any, status: int, troubles: list[str], missing: list[str]) -> None:
    answer = json_answer({"troubles": [{"text": text} for text in troubles]}, status)

    with serve(lambda _: answer) as server:
        settings.PORTAL_PORT = server.port
        assert demo.missing_parts() == missing


def test_silent_portal_is_a_missing_part(settings: Any) -> None:
    settings.PORTAL_PORT = free_port()

    assert demo.missing_parts() == [f"The portal does not answer on port {settings.PORTAL_PORT}."]
