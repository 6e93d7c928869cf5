"""The items of a plan, and the environment in which the setup reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from syncapp.crm.client import CrmClient
from syncapp.crm.customizing.reads import CustomizingReads
from syncapp.crm.customizing.writes import CustomizingWrites
from syncapp.crm.names import Names
from syncapp.crm.transport import Transport
from syncapp.tenant.schema import Schema, staging_schema

SOLUTION = "OutlookSyncPortal"
SOLUTION_LABEL = "Outlook Sync Portal"
PUBLISHER = "outlooksyncportal"
ROLE = "Outlook Sync Portal"
# The values of our choice column, 410000000 and up, belong to this prefix of option values.
OPTION_PREFIX = 41_000


class SetupError(Exception):
    """The setup cannot continue; the text says why and what to do."""


class State(StrEnum):
    """The state of an item in a plan. DIFFERS stops everything before the first write."""

    EXISTS = "exists"
    CREATE = "would be created"
    CHANGE = "would be changed"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the portal needs; `apply` writes it with one request."""

    title: str
    state: State
    detail: str = ""
    apply: Callable[[], None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Options:
    """The parts to set up besides the staging tables and the role."""

    revision: bool = False
    auditing: bool = False


class Environment:
    """The CRM, accessed with an administrator's rights."""

    def __init__(self, transport: Transport, names: Names) -> None:
        self.names = names
        self.crm = CrmClient(transport=transport, names=names)
        self.reads = CustomizingReads(transport)
        self.writes = CustomizingWrites(transport, solution=SOLUTION, language=self.reads.language())

    @property
    def schema(self) -> Schema:
        """Return the staging schema with our names."""
        return staging_schema(self.names)

    def lacks_revision(self) -> bool:
        """Return whether CRM_NAMES names a revision column that the contact does not have."""
        wanted = self.schema.revision
        return wanted is not None and wanted.name not in self.reads.column_ids("contact")

    def component_ids(self) -> frozenset[UUID]:
        """Return the ids of everything in our solution; empty if there is no solution."""
        solution = self.reads.solution(SOLUTION)
        return frozenset(one.object_id for one in self.reads.components(solution.id)) if solution else frozenset()
