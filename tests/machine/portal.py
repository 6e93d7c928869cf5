"""The portal without its processes: the operations that tasks and pages call."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from syncapp import tasks
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError
from syncapp.jobs import queue
from syncapp.mirror import cursors
from syncapp.mirror.edits import live_values
from syncapp.models import Connection, CrmColumn, Decision, Delivery, Person, Preferences, SyncField, SyncRecord
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.review.delivery.job import deliver
from tests.machine import clock
from tests.machine.failpoints import Failpoints
from tests.machine.oracle import Violation

# The connection, the column definitions and the people, which every run needs.
KEPT_MODELS = (Connection, CrmColumn, Person, Preferences)


@transaction.atomic
def empty_tables() -> None:
    """Empty all tables except KEPT_MODELS, in any order, since foreign keys are checked at the end."""
    for model in apps.get_app_config("syncapp").get_models():
        if model not in KEPT_MODELS:
            model._default_manager.all()._raw_delete("default")


class Portal:
    """Beat, workers and puller, one after the other, or nested at a failpoint."""

    def __init__(self, client: CrmClient, points: Failpoints) -> None:
        self.client = client
        self._points = points
        self._dispatched: list[str] = []
        self._overtaken: dict[uuid.UUID, Any] = {}
        self._working: list[uuid.UUID] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the tasks our client, and a broker that only records dispatched jobs."""
        monkeypatch.setattr(tasks, "crm", lambda: self.client)
        monkeypatch.setattr(tasks, "verified_client", lambda: self.client)
        for other in ("pulse", "send", "decide_selection"):
            monkeypatch.setattr(tasks, other, SimpleNamespace(delay=lambda *arguments: None))
        monkeypatch.setattr(tasks, "deliver", SimpleNamespace(delay=self._dispatched.append))

    def begin(self) -> None:
        """Start with empty tables."""
        self._dispatched.clear()
        self._overtaken.clear()
        self._working.clear()
        empty_tables()

    def tick(self) -> None:
        """Run the beat's tick, then a worker for each dispatched delivery."""
        self._points.run(tasks.tick)
        dispatched, self._dispatched[:] = list(self._dispatched), []
        for delivery_id in dispatched:
            self.deliver(uuid.UUID(delivery_id))

    def deliver(self, delivery_id: uuid.UUID) -> None:
        """Run a worker for one delivery. Raises Violation if it changed rows after it lost its lease."""
        self._working.append(delivery_id)
        self._points.run(lambda: deliver(delivery_id, crm=self.client))
        self._working.pop()
        before = self._overtaken.pop(delivery_id, None)
        if before is not None and before != _state_of(delivery_id):
            raise Violation("a worker that had lost its lease changed rows")

    def pull(self) -> None:
        """Run the pull task."""
        self._points.run(tasks.pull)

    def request_full_reads(self) -> None:
        """Request full reads, as the nightly task does."""
        for table in ("fields", "records"):
            self._points.run(partial(cursors.request_full_read, table))

    def read_live_values(self, field: SyncField) -> None:
        """Read live values, as an opened page does while the CRM answers."""
        record = SyncRecord.objects.get(pk=field.record_id)
        try:
            live_values.refresh_record(record, crm=self.client)
        except CrmError:
            return  # the page shows the stored value

    def deliveries(self) -> list[uuid.UUID]:
        """Return all deliveries, open ones first."""
        found = Delivery.objects.order_by("created_at", "pk").values_list("pk", "state")
        return [pk for pk, state in sorted(found, key=lambda row: row[1] not in OPEN_STATES)]

    def overtake(self, *, then: Callable[[], None]) -> None:
        """Suspend the current worker until its lease has ended and another worker took over."""
        # Only the current worker's delivery: a dead worker's lease has no worker that could continue.
        held = Delivery.objects.filter(pk__in=self._working[-1:], lease_until__isnull=False).first()
        clock.forward(clock.JUMPS["a lease"])
        queue.sweep(Delivery)
        if held is None:
            return
        then()
        self.deliver(held.pk)
        self._overtaken[held.pk] = _state_of(held.pk)


def _state_of(delivery_id: uuid.UUID) -> Any:
    """Return everything that only the lease holder of a delivery may change."""
    delivery = Delivery.objects.filter(pk=delivery_id)
    decisions = Decision.objects.filter(delivery=delivery_id)
    fields = SyncField.objects.filter(decisions__delivery=delivery_id)
    return (
        list(delivery.values()),
        sorted(decisions.values_list("pk", "state", "delivery_id")),
        sorted(fields.values_list("pk", "decision", "delivery", "revision")),
    )
