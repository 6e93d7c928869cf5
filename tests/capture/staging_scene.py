"""Processing of captured edits as in production, without waiting, and its results in the CRM."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import F

from syncapp.capture import staging
from syncapp.connection import clients
from syncapp.jobs import queue
from syncapp.models import CaptureJob, Restore
from tests.capture.conftest import Company

Fields = list[tuple[str, str | None, str | None]]


def stage(company: Company, *, rounds: int = 1) -> None:
    """Read the audit log and process all jobs that follow, without waiting."""
    for _ in range(rounds):
        company.read()
        company.stop_waiting()
        company.read()
        work()


def work() -> int:
    """Process the waiting jobs once."""
    queue.sweep(CaptureJob)
    CaptureJob.objects.update(due_at=F("due_at") - timedelta(minutes=5))
    ids = list(CaptureJob.objects.all().due().values_list("pk", flat=True))
    return sum(staging.stage(pk, crm=clients.verified_client()) for pk in ids)


def staged(company: Company, contact: UUID) -> Fields:
    """Return the staged fields of a contact in the CRM, by the time of their edits."""
    records = {row["osync_syncrecordid"]: row for row in company.rows("osync_syncrecords")}
    found = [
        (records[row["_osync_syncrecord_value"]], row)
        for row in company.rows("osync_syncfields")
        if records[row["_osync_syncrecord_value"]]["osync_targetid"] == str(contact)
    ]
    found.sort(key=lambda pair: (pair[0]["osync_editedon"], pair[1]["versionnumber"]))
    return [(field["osync_name"], field["osync_originalvalue"], field["osync_proposedvalue"]) for _, field in found]


def flags(company: Company, contact: UUID) -> list[bool]:
    """Return whether each staged edit of a contact is marked as restored."""
    rows = [row for row in company.rows("osync_syncrecords") if row["osync_targetid"] == str(contact)]
    return [row["osync_restored"] for row in rows]


def results() -> list[tuple[str, str, str]]:
    return list(Restore.objects.order_by("pk").values_list("column_name", "result", "reason"))
