"""What a policy compares is read from the CRM first, where somebody asked for the comparison and waits for it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence

from django.db import transaction

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers, queue
from syncapp.jobs.queue import Lease
from syncapp.mirror.filters import inventory
from syncapp.models import Breaker

log = logging.getLogger(__name__)

FILTER_BREAKERS = (Breaker.Name.FORBIDDEN_FILTERS, *breakers.CONNECTION_BREAKERS)
MOST_READ = 250  # users: seconds; of more than these the last inventory counts, and the page says how old it is
_AT_ONCE = 50


def read_anew(group: Sequence[uuid.UUID], lease: Lease, crm: Callable[[], CrmClient]) -> None:
    """Read a small group's filters again. Without an answer the comparison goes by what was read before."""
    if len(group) > MOST_READ or not breakers.all_closed(FILTER_BREAKERS):
        return
    try:
        client = crm()
        for start in range(0, len(group), _AT_ONCE):
            inventory.refresh(client, group[start : start + _AT_ONCE])
            with transaction.atomic():
                queue.extend_lease(lease)
    except CrmError as error:
        breakers.record_failure(error, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        log.warning("reading a policy's group: %s %s %s", type(error).__name__, error.status, error.request_id)
