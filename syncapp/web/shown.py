"""A record as its page shows it: the fields in order, each with its change, its state and its controls."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db.models import Prefetch

from syncapp.crm import values
from syncapp.crm.records import Column
from syncapp.models import CrmUser, Decision, Person, SyncField, SyncRecord
from syncapp.models.person import Role
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review import queue, sides, steps
from syncapp.review.sides import Change, Side
from syncapp.web.corrections import Correction, correction
from syncapp.web.forms import Typed
from syncapp.web.outcomes import Outcome, last_decision, outcome

OWN_EDIT = Outcome("lock", "none", "Your own edit", "somebody else decides it")
ONLY_LOOK = Outcome("lock", "none", "You may look", "deciding needs the reviewer role")
CONTACT_DELETED = Outcome("gone", "none", "Contact deleted", "in CRM; it is not made again")
UNDER_WAY = (FieldDelivery.WAITING, FieldDelivery.SENT)

TypedOf = Callable[[uuid.UUID | str], Typed]


def nothing_typed(key: uuid.UUID | str) -> Typed:
    """The controls of a page that was just opened."""
    return Typed()


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One row. `locked` says why the person cannot decide it; `outcome` what was decided."""

    field: SyncField
    column: Column | None
    change: Change
    outcome: Outcome | None
    locked: Outcome | None
    typed: Typed
    problem: str = ""

    @property
    def id(self) -> uuid.UUID:
        return self.field.pk

    @property
    def label(self) -> str:
        """What the CRM calls the column."""
        return self.column.label if self.column else self.field.column_name

    @property
    def seen(self) -> str:
        return steps.seen(self.field)

    @property
    def is_conflict(self) -> bool:
        return self.field.delivery == FieldDelivery.CONFLICT and not self.field.contact_is_gone

    @property
    def is_failed(self) -> bool:
        return self.field.delivery == FieldDelivery.FAILED

    @property
    def is_deleted(self) -> bool:
        """Undecided, and there is no contact to write to."""
        return self.field.is_undecided and self.field.contact_is_gone

    @property
    def deleted(self) -> Outcome:
        return CONTACT_DELETED

    @property
    def can_decide(self) -> bool:
        """Whether the row offers buttons."""
        return self.locked is None and (self.field.is_undecided or self.is_failed)

    @property
    def counts_for_all(self) -> bool:
        """Whether "Approve all" means this one too: conflicts are chosen one by one."""
        return self.can_decide and self.field.delivery == FieldDelivery.NONE and not self.is_deleted

    @property
    def is_under_way(self) -> bool:
        """Whether its state changes by itself, so the page asks again."""
        return self.field.delivery in UNDER_WAY and self.field.decision != FieldDecision.SUPERSEDED

    @property
    def correction(self) -> Correction | None:
        proposed = "" if self.is_conflict else self.field.proposed_value
        return correction(self.column, self.typed.value, proposed)

    @property
    def now_differs(self) -> bool:
        """Whether the CRM holds neither the original nor the proposal, as far as was read."""
        field = self.field
        if field.crm_now_read_at is None or self.column is None or not field.is_undecided:
            return False
        return not values.same(self.column.type, field.crm_now_value, field.original_value)

    @property
    def now_is_proposed(self) -> bool:
        """Whether the CRM holds the proposal already."""
        column = self.column
        return column is not None and values.same(column.type, self.field.crm_now_value, self.field.proposed_value)

    @property
    def now(self) -> Side:
        """The CRM's present value, marked against the original."""
        field = self.field
        original = (field.original_value, field.original_label)
        return sides.between(self.column, original, (field.crm_now_value, field.crm_now_label)).will

    @property
    def corrected(self) -> Side | None:
        """What was approved instead of the proposal."""
        last = last_decision(self.field) if self.outcome else None
        if last is None or not last.is_corrected:
            return None
        return sides.single(self.column, last.value_to_write)


@dataclass(frozen=True, slots=True)
class RecordShown:
    """One contact's edit: everything on the right side of the queue."""

    record: SyncRecord
    fields: tuple[FieldShown, ...]
    others: tuple[SyncRecord, ...]
    may_decide: bool
    typed_all: Typed
    problem: str = ""
    crm_failed: bool = False

    @property
    def id(self) -> uuid.UUID:
        return self.record.pk

    @property
    def counted(self) -> list[FieldShown]:
        """The fields that "Approve all N" means."""
        return [field for field in self.fields if field.counts_for_all]

    @property
    def decidable(self) -> list[FieldShown]:
        return [field for field in self.fields if field.can_decide]

    @property
    def under_way(self) -> list[FieldShown]:
        """The rows that the page asks about every two seconds."""
        return [field for field in self.fields if field.is_under_way]

    @property
    def live(self) -> str:
        """Their ids, as the page's next question carries them."""
        return ",".join(str(field.id) for field in self.under_way)

    @property
    def refused(self) -> list[FieldShown]:
        return [field for field in self.fields if field.problem]

    @property
    def read_at(self) -> datetime | None:
        """When the CRM's values were read; None while one of them never was."""
        times = [shown.field.crm_now_read_at for shown in self.fields if shown.field.is_undecided or shown.is_failed]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    @property
    def wants_reading(self) -> bool:
        """Whether the CRM's present values matter to a decision."""
        return bool(self.decidable)

    @property
    def crm_address(self) -> str:
        """The contact's form in the CRM."""
        record = self.record
        query = f"etn={record.target_table}&pagetype=entityrecord&id={record.target_id}"
        return f"{settings.CRM_ORIGIN}/main.aspx?{query}" if record.target_id else ""


def record_shown(
    record: SyncRecord,
    *,
    person: Person,
    known: Mapping[str, Column],
    typed: TypedOf = nothing_typed,
    problems: Mapping[uuid.UUID | None, str] | None = None,
) -> RecordShown:
    """Read everything that the page of this edit needs, in a handful of queries; `known` are its table's columns."""
    others = tuple(queue.others_of_contact(record))
    problems = problems or {}
    locked = _why_locked(record, person)
    build = partial(_field, known=known, person=person, others=others, locked=locked)
    rows = [build(row, typed=typed(row.pk), problem=problems.get(row.pk, "")) for row in fields_of(record)]
    return RecordShown(
        record=record,
        fields=tuple(sorted(rows, key=lambda shown: (shown.label.casefold(), shown.id))),
        others=others,
        may_decide=locked is None,
        typed_all=typed("all"),
        problem=problems.get(None, ""),
    )


def fields_of(record: SyncRecord) -> list[SyncField]:
    """The fields of an edit with their decisions, newest first."""
    newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
    return list(SyncField.objects.filter(record=record).prefetch_related(Prefetch("decisions", newest_first)))


def only(shown: RecordShown, ids: Iterable[uuid.UUID]) -> list[FieldShown]:
    """The rows of these fields."""
    wanted = set(ids)
    return [field for field in shown.fields if field.id in wanted]


def crm_silent(shown: RecordShown) -> RecordShown:
    """The same page, saying that the CRM did not answer."""
    return replace(shown, crm_failed=True)


def _why_locked(record: SyncRecord, person: Person) -> Outcome | None:
    if not person.has_role(Role.REVIEWER):
        return ONLY_LOOK
    if settings.FOUR_EYES and record.editor_id is not None:
        editor = CrmUser.objects.filter(pk=record.editor_id).only("entra_id").first()
        if editor is not None and editor.entra_id == person.oid:
            return OWN_EDIT
    return None


def _field(
    row: SyncField,
    *,
    known: Mapping[str, Column],
    person: Person,
    others: Iterable[SyncRecord],
    locked: Outcome | None,
    typed: Typed,
    problem: str,
) -> FieldShown:
    column = known.get(row.column_name)
    newer = next((other.pk for other in others), None) if row.decision == FieldDecision.SUPERSEDED else None
    return FieldShown(
        field=row,
        column=column,
        change=sides.change(row, column),
        outcome=outcome(row, person=person, newer=newer),
        locked=locked,
        typed=typed,
        problem=problem,
    )
