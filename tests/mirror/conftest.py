"""Mirror tests that need a CRM get the real sandbox."""

from __future__ import annotations

from tests.world_fixture import sandbox, world

__all__ = ["sandbox", "world"]
