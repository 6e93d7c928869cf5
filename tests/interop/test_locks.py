"""Third-party clients are pinned by hash, and their lock files name no host."""

from __future__ import annotations

import json
import re

import pytest

from tests.interop.environments import HERE


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-node.txt"])
def test_python_packages_have_hashes(lock: str) -> None:
    text = (HERE / lock).read_text()

    pins = [pin for pin in re.split(r"\n(?=\S)", text) if "==" in pin.partition("\n")[0]]
    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "//" not in text


def test_node_packages_have_hashes() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]

    outside = {name: found for name, found in packages.items() if name}
    assert outside
    assert all(found["integrity"].startswith("sha512-") for found in outside.values())
    assert not any("resolved" in found for found in outside.values())
