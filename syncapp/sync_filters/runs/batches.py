"""A batch of a run: the users that a worker has leased, and the result of each."""

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
class LeasedItem:
    """One user of the run, with the lease under which this worker processes them."""

    lease: Lease
    item: FilterRunItem
    changes: tuple[FilterRunChange, ...]


@dataclass(slots=True)
class Batch:
    """A few users of one run, and everything needed to process them.

    `acting`: each write is sent as the user. `keeps_versions`: the CRM accepts If-Match for filters. `denial`: an error
    that denied all writes of the batch, if no other access works.
    """

    run: FilterRun
    crm: CrmClient
    acting: bool
    keeps_versions: bool
    deadline: Deadline
    items: list[LeasedItem] = field(default_factory=list)
    denial: CrmError | None = None

    @property
    def tag(self) -> str:
        """Return the tag that is sent with each write, for the CRM's plug-ins and traces."""
        return f"osync-run-{self.run.number}"

    def remove(self, items: Sequence[LeasedItem]) -> None:
        """Remove users who have a result or whose lease is lost."""
        self.items = [each for each in self.items if each not in items]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The outcome of one user, and the values read back after the write.

    An `error` comes without an outcome and is handled by the job. `request_failed`: the user's own request failed as a
    whole, or would fail for any user. `denial`: the error that denied the user's write. `wrong_author`: the CRM ignored
    the impersonation.
    """

    outcome: Outcome = Outcome.OPEN
    why: str = ""
    error: CrmError | None = None
    request_failed: bool = False
    filters: Sequence[OutlookFilter] | None = None
    mailbox: Mailbox | None = None
    wrong_author: bool = False
    denial: CrmError | None = None


class Operation(Protocol):
    """A strategy for one kind of change: the read before writing, and the write."""

    def precheck(self, batch: Batch) -> list[tuple[LeasedItem, ItemResult]]:
        """Read before writing if that is needed; return the users who need no write. Raises CrmError."""

    def apply(self, batch: Batch) -> list[ItemResult]:
        """Write for all users of the batch and read back in the same request; return one result per user.

        Raises CrmError if a request that the users share fails.
        """
