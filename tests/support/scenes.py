"""Fields in all states that a page can show, reached by operations and a worker's updates."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.mirror.edits import recognition
from syncapp.models import Decision, Delivery, Person, SyncField, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.review import decisions
from syncapp.review.context import digest
from tests.mirror.staged import a_field
from tests.support import factories

MORE_COLUMNS = (
    Column("contact", "lastname", "Last Name", ColumnType.TEXT, max_length=50),
    Column("contact", "fax", "Fax", ColumnType.TEXT, max_length=50),
    Column("contact", "assistantname", "Assistant", ColumnType.TEXT, max_length=100),
    Column("contact", "address1_composite", "Visiting Address", ColumnType.MEMO, max_length=1000),
    Column("contact", "description", "Description", ColumnType.MEMO, max_length=2000),
    Column("contact", "mobilephone", "Mobile Phone", ColumnType.TEXT, max_length=50),
    Column("contact", "department", "Department", ColumnType.TEXT, max_length=100),
    Column("contact", "creditlimit", "Credit Limit", ColumnType.MONEY),
    Column("contact", "donotphone", "No Phone Calls", ColumnType.YES_NO, options=((1, "Do Not Allow"), (0, "Allow"))),
    Column("contact", "lastonholdtime", "Last Meeting", ColumnType.DATE_TIME),
    Column(
        "contact",
        "preferredcontactmethodcode",
        "Preferred Contact",
        ColumnType.CHOICE,
        options=((1, "Any"), (2, "Email"), (3, "Phone")),
    ),
    Column(
        "contact",
        "osync_interests",
        "Interests",
        ColumnType.CHOICES,
        options=((1, "Trade fairs"), (2, "Newsletter"), (3, "Road freight"), (4, "Cold chain")),
    ),
    Column("contact", "parentcustomerid", "Company", ColumnType.LOOKUP, targets=("account",)),
)


def store_columns() -> None:
    """Store columns of all types that a form can correct."""
    factories.store_columns(*MORE_COLUMNS)


def approved(field: SyncField, *, by: Person, **details: Any) -> Decision:
    """Return an approved field that can still be undone."""
    return decisions.approve(field.pk, by=by, seen=digest(field), **details)


def rejected(field: SyncField, *, by: Person, **details: Any) -> Decision:
    """Return a rejected field that can still be undone."""
    return decisions.reject(field.pk, by=by, seen=digest(field), **details)


def being_written(decision: Decision, *, state: str = JobState.SENT) -> None:
    """Change the decision to one that a worker is writing."""
    held = {"lease_until": timezone.now() + timedelta(seconds=60)} if state == JobState.SENT else {}
    Delivery.objects.filter(target_id=decision.target_id).update(state=state, **held)
    delivery = Delivery.objects.get(target_id=decision.target_id)
    Decision.objects.filter(pk=decision.pk).update(state=DecisionState.BOUND, delivery=delivery)
    _move(decision, delivery=FieldDelivery.SENT)


def finished(decision: Decision, state: DecisionState = DecisionState.WRITTEN) -> None:
    """Change the decision to one that was written and read back."""
    word = FieldDelivery.ALREADY if state == DecisionState.ALREADY else FieldDelivery.DONE
    _finish(decision, state)
    _move(decision, delivery=word, finished_at=timezone.now(), crm_decision_id=str(decision.pk))


def failed(decision: Decision, trouble: str = "The CRM refused it: the value is too long.") -> None:
    """Change the decision to one whose delivery failed."""
    _finish(decision, DecisionState.FAILED)
    _move(decision, delivery=FieldDelivery.FAILED, trouble=trouble)


def conflicting(decision: Decision, crm_now: str | None) -> None:
    """Change the decision to one that conflicts with a newer value of the CRM."""
    _finish(decision, DecisionState.CONFLICT)
    now = {"crm_now_value": crm_now, "crm_now_read_at": timezone.now()}
    _move(decision, decision=FieldDecision.PENDING, delivery=FieldDelivery.CONFLICT, **now)


def _finish(decision: Decision, state: DecisionState) -> None:
    delivery = Delivery.objects.filter(target_id=decision.target_id).first()
    Decision.objects.filter(pk=decision.pk).update(state=state, finished_at=timezone.now(), delivery=delivery)


def _move(taken: Decision, /, **columns: Any) -> None:
    move(taken.field, **columns)


def move(field: SyncField, **columns: Any) -> None:
    """Move a field to a state as a worker or the mirror would."""
    SyncField.objects.filter(pk=field.pk).update(revision=field.revision + 1, **columns)
    SyncRecord.objects.recount([field.record_id])
    field.refresh_from_db()
    field.record.refresh_from_db()


def found_after_restore(field: SyncField, outcome: str = "approved", *, by: str = "Rita Lindqvist", **row: Any) -> None:
    """Mark the field's staging row with a decision that our database has lost, and recognize it."""
    codes = {each.value: code for code, each in recognition.OUTCOMES.items()}
    ours = uuid.uuid4()
    row = {
        "decided_on": timezone.now(),
        "applied": field.proposed_value if outcome == "approved" else None,
        "reason": "not_correct Ask them first" if outcome == "rejected" else "",
        **row,
    }
    mark = {"decision": codes[outcome], "decision_id": str(uuid.uuid4()), "decided_by": by, "state": 1}
    staged = a_field(id=field.pk, record_id=field.record_id, column=field.column_name, modified_by=ours, **mark, **row)
    assert recognition.recognize([staged], own_user=ours) == 1
    SyncField.objects.filter(pk=field.pk).update(crm_decision_id=staged.decision_id, crm_state=1)
    SyncRecord.objects.recount([field.record_id])
    field.refresh_from_db()
