"""One round of a run: the users whom a worker holds, and what the CRM's answer says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import Mailbox
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.records import OutlookFilter
from syncapp.crm.transport import Deadline
from syncapp.jobs.queue import Lease
from syncapp.models import FilterRun, FilterRunChange, FilterRunItem
from syncapp.models.sync_filters.run import Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """One user whom this worker holds."""

    lease: Lease
    item: FilterRunItem
    changes: tuple[FilterRunChange, ...]


@dataclass(slots=True)
class Round:
    """A few users of one run with everything that the steps need."""

    run: FilterRun
    crm: CrmClient
    acting: bool
    keeps_versions: bool
    deadline: Deadline
    held: list[Held] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """What the CRM's plug-ins and traces see of the write."""
        return f"osync-run-{self.run.number}"

    def drop(self, gone: Sequence[Held]) -> None:
        """These have come to their end, or are somebody else's by now."""
        self.held = [each for each in self.held if each not in gone]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one user: how he ends and why, and what was read back of him.

    An `error` that may be tried again comes without an end; `request_failed`: it is that of his own request as a whole.
    `wrong_author`: impersonation was ignored.
    """

    outcome: Outcome = Outcome.OPEN
    why: str = ""
    error: CrmError | None = None
    request_failed: bool = False
    filters: Sequence[OutlookFilter] | None = None
    mailbox: Mailbox | None = None
    wrong_author: bool = False


class Operation(Protocol):
    """What a run moves, and how that is looked at, written and judged."""

    def look(self, work: Round) -> list[tuple[Held, Verdict]]:
        """Read before writing where that is needed: who comes to his end without a write. Raises CrmError."""

    def send(self, work: Round) -> list[Verdict]:
        """Write all whom the round holds, read back in the same request; one verdict each.

        Raises CrmError where the request that they share failed.
        """
