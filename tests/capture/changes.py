"""Captured changes in rows alone, for the pages that count and show them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from syncapp.capture.policy import Reason
from syncapp.crm.audits.records import Action
from syncapp.models import CaptureEntry, CaptureValue, FilterUser, Restore
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult

STAGED, OBSERVED, LET_THROUGH = EntryState.STAGED, EntryState.OBSERVED, EntryState.LET_THROUGH
NOT_OUTLOOK = {"source": Source.UNKNOWN, "state": LET_THROUGH, "reason": Reason.NOT_OUTLOOK}


def change(
    column: str = "jobtitle", old: str | None = "Buyer", new: str | None = "Head", *, days: float = 0, **given: Any
) -> CaptureEntry:
    """Store an update of one column that Outlook made `days` ago and that is only observed."""
    moment = timezone.now() - timedelta(days=days)
    known = {"old_known": given.pop("old_known", True), "new_known": given.pop("new_known", True)}
    defaults = {"source": Source.OUTLOOK, "state": OBSERVED, "action": Action.UPDATE, "contact_id": uuid.uuid4()}
    entry = CaptureEntry.objects.create(audit_id=uuid.uuid4(), happened_at=moment, read_at=moment, **defaults | given)
    CaptureValue.objects.create(
        entry=entry,
        column_name=column,
        old_value=old if known["old_known"] else None,
        new_value=new if known["new_known"] else None,
        **known,
    )
    return entry


def restored(column: str = "jobtitle", *, live: float | None = 9, days: float = 0, **given: Any) -> CaptureEntry:
    """Store a staged change with its restore, after `live` seconds; None: it was not restored."""
    result = given.pop("result", RestoreResult.RESTORED if live is not None else RestoreResult.NOT_RESTORED)
    reason = given.pop("why", "" if live is not None else "overwritten")
    entry = change(column, days=days, state=STAGED, **given)
    Restore.objects.create(
        contact_id=entry.contact_id,
        column_name=column,
        audit_id=entry.pk,
        source=entry.source,
        result=result,
        reason=reason,
        happened_at=entry.happened_at,
        done_at=entry.happened_at,
        live_seconds=live,
    )
    return entry


def program(name: str = "# ERP Connector") -> uuid.UUID:
    """Store the user of a program."""
    user = FilterUser.objects.create(id=uuid.uuid4(), name=name, is_application=True, read_at=timezone.now())
    return user.pk


def by_program(user: uuid.UUID, column: str = "creditlimit", *, days: float = 0, **given: Any) -> CaptureEntry:
    """Store a change by a program, which is let through."""
    defaults = NOT_OUTLOOK | {"source": Source.PROGRAM, "user_id": user, "lacks_revision": True}
    return change(column, days=days, **defaults | given)
