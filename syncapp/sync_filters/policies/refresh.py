"""A refresh of a policy's group from the CRM, for a person who asked for the comparison and is waiting for it."""

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

FILTER_BREAKERS = (
    Breaker.Name.FORBIDDEN_FILTERS,
    Breaker.Name.REFUSED_INVENTORY,
    *breakers.CONNECTION_BREAKERS,
)
MAX_USERS = 250  # a few seconds; a larger group is compared using the last inventory, and the page shows its age
_CHUNK = 50


def refresh_group(group: Sequence[uuid.UUID], lease: Lease, crm: Callable[[], CrmClient]) -> None:
    """Read a small group's filters again; if the CRM does not answer, the last inventory is compared."""
    if len(group) > MAX_USERS or not breakers.all_closed(FILTER_BREAKERS):
        return
    try:
        client = crm()
        for start in range(0, len(group), _CHUNK):
            inventory.refresh(client, group[start : start + _CHUNK])
            with transaction.atomic():
                queue.extend_lease(lease)
    except CrmError as error:
        breakers.record_failure(
            error,
            forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS,
            refused_breaker=Breaker.Name.REFUSED_INVENTORY,
        )
        log.warning("reading a policy's group: %s %s %s", type(error).__name__, error.status, error.request_id)
