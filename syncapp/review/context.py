"""The locked fields of one submit, and the facts that all of its decisions share."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from syncapp.models import Person, SyncField, locking
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.mirror.sync_record import table_problem
from syncapp.models.review.decision import DecisionState
from syncapp.review import four_eyes
from syncapp.review.errors import AlreadyDecided, NotPossible
from syncapp.review.four_eyes import Editors

EDIT_IS_GONE = "This edit is no longer here."


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The database's time, each field's newest version, the fields whose last decision failed, and the editors."""

    now: datetime
    versions: Mapping[uuid.UUID, int]
    failed: frozenset[uuid.UUID]
    editors: Editors


def load_context(fields: Collection[SyncField]) -> DecisionContext:
    """Read the context of these locked fields, at least one, in two queries."""
    wanted = ("pk", "decisions__version", "decisions__state", Now())
    rows = list(SyncField.objects.filter(pk__in=[field.pk for field in fields]).values_list(*wanted))
    versions: dict[uuid.UUID, int] = {}
    for pk, version, _, _ in rows:
        versions[pk] = max(versions.get(pk, 0), version or 0)
    return DecisionContext(
        now=rows[0][3],
        versions=versions,
        failed=frozenset(pk for pk, _, state, _ in rows if state == DecisionState.FAILED),
        editors=four_eyes.load_editors(field.record.editor_id for field in fields),
    )


def lock_field(field_id: uuid.UUID) -> SyncField:
    """Return the field, locked for the transaction. Raises NotPossible if it is gone."""
    field = locking.locked(SyncField.objects.select_related("record").filter(pk=field_id)).first()
    if field is None or field.record.is_stub:
        raise NotPossible(EDIT_IS_GONE)
    return field


def lock_fields(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, SyncField]:
    """Return the fields with these ids that exist; those that can be decided are locked, in the order of their ids.

    Other fields are only read, so that a reviewer does not wait for the worker that is writing them.
    """
    rows = SyncField.objects.select_related("record").filter(pk__in=ids, record__is_stub=False)
    found = {field.pk: field for field in locking.locked(rows.open())}
    others = set(ids) - found.keys()
    return found | ({field.pk: field for field in rows.filter(pk__in=others)} if others else {})


def digest(field: SyncField) -> str:
    """Return a digest of everything about a field that a decision depends on; forms carry it."""
    parts = [
        str(field.pk),
        str(field.version),
        str(field.revision),
        field.decision,
        field.delivery,
        repr(field.original_value),
        repr(field.proposed_value),
        repr(field.expected_value),
        *filter(None, [field.contact_state]),
    ]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def check_readable(field: SyncField) -> None:
    """Raise NotPossible for a change that could not be read, or that is in a table that is not reviewed."""
    if problem := table_problem(field.record.target_table):
        raise NotPossible(problem, field=field)  # the previous release did not set such edits aside
    if field.unreadable or field.record.unreadable:
        raise NotPossible("This change cannot be read, so it cannot be decided here.", field=field)


def move_field(field: SyncField, **values: Any) -> None:
    """Set these columns if the field is unchanged since it was read. Raises AlreadyDecided if it has changed."""
    unchanged = SyncField.objects.filter(pk=field.pk, revision=field.revision)
    if unchanged.update(revision=F("revision") + 1, **values) != 1:
        raise AlreadyDecided(already_decided_message(field), field=field)
    for name, value in {"revision": field.revision + 1, **values}.items():
        setattr(field, name, value)


def already_decided_message(field: SyncField, *, reader: Person | None = None) -> str:
    """Return why a decision was refused; pass `reader` to address the person who decided in another window."""
    last = field.decisions.select_related("decided_by", "rule").order_by("-version").first()
    word = FieldDecision(field.decision).label
    if last is None or not last.decider:
        return f"{word} in the meantime; your decision was not saved."
    if reader is not None and last.decided_by_id == reader.pk:
        return f"{word} by you in the meantime; this decision was not saved."
    return f"{word} by {last.decider} in the meantime; your decision was not saved."
