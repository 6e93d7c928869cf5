"""The portal's side without its processes: the same operations that the tasks and the pages call."""

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
from tests.machine.judge import Violation

# What we know of the CRM and its columns, and the people who signed in.
KEPT = (Connection, CrmColumn, Person, Preferences)


@transaction.atomic
def empty_tables() -> None:
    """As after installation, but for KEPT. The order does not matter: foreign keys are asked at the end."""
    for model in apps.get_app_config("syncapp").get_models():
        if model not in KEPT:
            model._default_manager.all()._raw_delete("default")


class Portal:
    """Beat, workers and puller, one after the other, or one in the middle of another at a failpoint."""

    def __init__(self, client: CrmClient, points: Failpoints) -> None:
        self.client = client
        self._points = points
        self._rung: list[str] = []
        self._overtaken: dict[uuid.UUID, Any] = {}
        self._at_work: list[uuid.UUID] = []

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the tasks our client, and a broker that only notes what was rung."""
        monkeypatch.setattr(tasks, "crm", lambda: self.client)
        monkeypatch.setattr(tasks, "verified_client", lambda: self.client)
        for other in ("pulse", "send", "decide_selection"):
            monkeypatch.setattr(tasks, other, SimpleNamespace(delay=lambda *arguments: None))
        monkeypatch.setattr(tasks, "deliver", SimpleNamespace(delay=self._rung.append))

    def begin(self) -> None:
        """Start with empty tables."""
        self._rung.clear()
        self._overtaken.clear()
        self._at_work.clear()
        empty_tables()

    def tick(self) -> None:
        """The beat's tick, and a worker for each row that it rings."""
        self._points.run(tasks.tick)
        rung, self._rung[:] = list(self._rung), []
        for delivery_id in rung:
            self.deliver(uuid.UUID(delivery_id))

    def deliver(self, delivery_id: uuid.UUID) -> None:
        """One worker takes one delivery. Raises Violation where it wrote after it had lost its lease."""
        self._at_work.append(delivery_id)
        self._points.run(lambda: deliver(delivery_id, crm=self.client))
        self._at_work.pop()
        before = self._overtaken.pop(delivery_id, None)
        if before is not None and before != _state_of(delivery_id):
            raise Violation("a worker that had lost its lease changed rows")

    def pull(self) -> None:
        """The puller's task."""
        self._points.run(tasks.pull)

    def read_everything_again(self) -> None:
        """What the nightly task asks for."""
        for table in ("fields", "records"):
            self._points.run(partial(cursors.request_full_read, table))

    def read_present_values(self, field: SyncField) -> None:
        """A reviewer opens the page while the CRM answers."""
        record = SyncRecord.objects.get(pk=field.record_id)
        try:
            live_values.refresh_record(record, crm=self.client)
        except CrmError:
            return  # the page shows the value that was known before

    def deliveries(self) -> list[uuid.UUID]:
        """Every delivery there ever was, the open ones first."""
        found = Delivery.objects.order_by("created_at", "pk").values_list("pk", "state")
        return [pk for pk, state in sorted(found, key=lambda row: row[1] not in OPEN_STATES)]

    def overtaken(self, *, then: Callable[[], None]) -> None:
        """The worker at this point falls asleep; its lease ends and another takes over; then it wakes up."""
        # Not any that is leased: what a dead worker left belongs to nobody who could wake up.
        held = Delivery.objects.filter(pk__in=self._at_work[-1:], lease_until__isnull=False).first()
        clock.forward(clock.JUMPS["a lease"])
        queue.sweep(Delivery)
        if held is None:
            return
        then()
        self.deliver(held.pk)
        self._overtaken[held.pk] = _state_of(held.pk)


def _state_of(delivery_id: uuid.UUID) -> Any:
    """Everything that only the holder of a delivery may change."""
    delivery = Delivery.objects.filter(pk=delivery_id)
    decisions = Decision.objects.filter(delivery=delivery_id)
    fields = SyncField.objects.filter(decisions__delivery=delivery_id)
    return (
        list(delivery.values()),
        sorted(decisions.values_list("pk", "state", "delivery_id")),
        sorted(fields.values_list("pk", "decision", "delivery", "revision")),
    )
