"""One round of reading: its client, lease and remaining time, and the facts it has loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncapp.capture import delays
from syncapp.capture.policy import Policy
from syncapp.capture.sources import KnownUsers
from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import Column
from syncapp.mirror import cursors
from syncapp.mirror.cursors import TableLease
from syncapp.models import Capture

CURSOR = "capture"  # the row of the lease, and of the contacts' delta link


@dataclass(slots=True)
class ReadResult:
    """Counts of one round.

    `finished` says that everything due was read, `busy` that another round was in progress, so nothing was read.
    """

    contacts: int = 0
    entries: int = 0
    values: int = 0
    set_aside: int = 0
    to_stage: int = 0
    finished: bool = False
    busy: bool = False


@dataclass(slots=True)
class Round:
    """A round in progress; `now` is the database's time at its beginning."""

    crm: CrmClient
    lease: TableLease
    capture: Capture
    now: datetime
    until: float | None
    revision: str
    columns: dict[str, Column]
    known: KnownUsers
    policy: Policy
    result: ReadResult = field(default_factory=ReadResult)

    @property
    def patience(self) -> timedelta:
        """Return how long to wait for an entry."""
        return delays.patience(self.capture)

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self.until is not None and time.monotonic() > self.until

    def extend_lease(self) -> None:
        """Prove and extend the lease, in the transaction that stores rows. Raises LostLease."""
        cursors.extend(self.lease)
