"""Contacts whose Outlook edits capture has restored, without reading the audit log; and plans that put them back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from syncapp.capture.put_back import job, planning, transitions
from syncapp.capture.put_back.planning import Range
from syncapp.connection import clients
from syncapp.crm.staging.records import ChangeSet, NewField, NewRecord, staged_field_id
from syncapp.jobs import queue
from syncapp.models import PutBackItem, PutBackJob, PutBackPlan, Restore, SyncField
from syncapp.models.capture.entry import Source
from syncapp.models.capture.put_back import PutBackState
from syncapp.models.capture.restore import RestoreResult
from tests.support.people import ada
from tests.support.world import World

ORIGINALS = {"jobtitle": "Buyer", "department": "Purchasing", "telephone1": "+47 55 10 20 30"}
DONE = ("jobtitle", "done", "")  # an item of `results` that was put back


class Restored:
    """A contact whose job title, Pilot in Outlook, was restored; its edit waits for a reviewer."""

    def __init__(self, world: World, *, is_restored: bool = True, **columns: str) -> None:
        self.world = world
        self.contact: UUID = world.new_contact(f"Restored {uuid.uuid4().hex[:6]}")
        self.fields: dict[str, SyncField] = {}
        self.restores: dict[str, Restore] = {}
        self.edit(is_restored=is_restored, **(columns or {"jobtitle": "Pilot"}))
        world.begin_ledger()

    def edit(self, *, is_restored: bool = True, seconds_ago: float = 60, **columns: str) -> None:
        """Stage an edit and store that its originals were restored."""
        operation, now = uuid.uuid4(), timezone.now()
        editor = next(row for row in self.world.rows("systemusers") if row["fullname"] == "Jonas Weber")
        record = NewRecord(
            operation_id=operation,
            name="Tilda",
            table="contact",
            contact_id=self.contact,
            editor_id=UUID(editor["systemuserid"]),
            edited_on=now - timedelta(seconds=seconds_ago),
            source="audit",
            is_restored=is_restored,
            fields=tuple(NewField(name, ORIGINALS[name], value) for name, value in columns.items()),
        )
        clients.verified_client().apply(ChangeSet(records=(record,)), tag="osync-test")
        self.world.pull()
        for name, value in columns.items():
            self.fields[name] = SyncField.objects.get(pk=staged_field_id(operation, name))
            self.restores[name] = Restore.objects.create(
                contact_id=self.contact,
                column_name=name,
                audit_id=operation,
                source=Source.OUTLOOK,
                value_found=value,
                value_restored=ORIGINALS[name],
                result=RestoreResult.RESTORED,
                happened_at=record.edited_on,
                done_at=record.edited_on + timedelta(seconds=9),
                live_seconds=9,
            )

    @property
    def field(self) -> SyncField:
        """Return the first field as it is now."""
        return SyncField.objects.select_related("record").get(pk=next(iter(self.fields.values())).pk)

    def value(self, column: str = "jobtitle") -> Any:
        """Return the CRM's value."""
        return self.world.value(self.contact, column)

    def written(self, column: str = "jobtitle") -> list[Any]:
        """Return the values that the portal wrote, by the ledger."""
        return self.world.written(self.contact, column)

    def flag(self) -> bool:
        """Return whether the edit is marked as restored in the CRM."""
        rows = self.world.rows("osync_syncrecords")
        return bool(
            next(row for row in rows if row["osync_syncrecordid"] == str(self.field.record_id))["osync_restored"]
        )


def planned(**wanted: Any) -> PutBackPlan:
    """Return a plan of the last hour, with live values read."""
    now = timezone.now()
    plan = planning.create_plan(Range(now - timedelta(hours=1), now, **wanted), by=ada())
    planning.prepare(plan.pk, crm=clients.verified_client(), seconds=20)
    plan.refresh_from_db()
    assert plan.state == PutBackState.PLANNED
    return plan


def work() -> int:
    """Process the waiting jobs once, after other processes' leases have ended."""
    back = timedelta(hours=1)
    PutBackJob.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - back)
    queue.sweep(PutBackJob)
    PutBackJob.objects.update(due_at=F("due_at") - back)
    ids = list(PutBackJob.objects.all().due().values_list("pk", flat=True))
    return sum(job.put_back(pk, crm=clients.verified_client()) for pk in ids)


def started(**wanted: Any) -> PutBackPlan:
    """Return a plan that was started; no job has begun."""
    plan = planned(**wanted)
    transitions.start(plan.pk, by=ada())
    plan.refresh_from_db()
    return plan


def results(plan: PutBackPlan) -> list[tuple[str, str, str]]:
    """Return column, result and reason of each item."""
    return list(PutBackItem.objects.filter(plan=plan).order_by("position").values_list("column_name", "result", "why"))
