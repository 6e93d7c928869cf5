"""One field as the record page shows it: its change, its state, its controls."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from syncapp.crm.staging.records import Column
from syncapp.crm.values import conversion
from syncapp.crm.values.lookups import NamedRow
from syncapp.models import Decision, SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind
from syncapp.review import context, groups
from syncapp.review.bulk import warnings
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide, Tag, ValueDiff
from syncapp.review.history import FormerValue
from syncapp.web.base import times
from syncapp.web.review import outcomes
from syncapp.web.review.corrections import Correction, correction
from syncapp.web.review.forms import AGAIN, Problem, Typed
from syncapp.web.review.outcomes import Outcome
from syncapp.web.settings import rule_words

UNKNOWN_FIELD = "Unknown field"
CONTACT_DELETED = Outcome("gone", "none", "Contact deleted", "in CRM; it is not made again")
NOTHING_TYPED = Typed()
UNDER_WAY = (FieldDelivery.WAITING, FieldDelivery.SENT)
IN_THE_CRM = (FieldDelivery.DONE, FieldDelivery.ALREADY)


def echo_words(echo: FormerValue) -> str:
    """When the CRM held the proposed value before."""
    day = times.day(echo.at)
    return f"this was CRM’s value until {day}" if echo.ended else f"CRM had this value on {day}"


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One row. `locked` says why the person cannot decide it; `outcome` what was decided.

    `group` names the fields that it is decided with; '' where it is decided alone. `refused` says who rejected the
    same value before, when and why.
    """

    field: SyncField
    column: Column | None
    change: ValueDiff
    outcome: Outcome | None
    locked: Outcome | None
    typed: Typed
    typed_again: Typed = NOTHING_TYPED
    problem: Problem | None = None
    echo: FormerValue | None = None
    refused: str = ""
    group: str = ""
    is_part: bool = False
    undone_with_group: bool = False
    found: Sequence[NamedRow] = ()
    crm_problem: str = ""  # why the CRM's present value could not be read just now

    @property
    def id(self) -> uuid.UUID:
        return self.field.pk

    @property
    def label(self) -> str:
        """What the CRM calls the column."""
        return self.column.label if self.column else self.field.column_name or UNKNOWN_FIELD

    @property
    def unreadable(self) -> str:
        """Return which value of the undecided change, or of its edit, could not be read; '' for none."""
        is_decided = self.field.decision != FieldDecision.PENDING
        return "" if is_decided else self.field.unreadable or self.field.record.unreadable

    @property
    def seen(self) -> str:
        return context.digest(self.field)

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
        """Return whether "Approve all" and "Reject all" mean this one too."""
        return self.locked is None and groups.is_groupable(self.field, self.column)

    @property
    def is_under_way(self) -> bool:
        """Whether its state changes by itself, so the page asks again."""
        awaited = self.field.delivery in IN_THE_CRM and outcomes.awaits_reading_back(self.field)
        return self.is_being_written or (awaited and self.field.decision != FieldDecision.SUPERSEDED)

    @property
    def is_being_written(self) -> bool:
        """Whether its decision is not in the CRM yet."""
        return self.field.delivery in UNDER_WAY and self.field.decision != FieldDecision.SUPERSEDED

    @property
    def decides_alone(self) -> bool:
        """Whether the row itself offers the buttons, and not the head of its group."""
        return self.can_decide and not self.group

    @property
    def can_be_marked(self) -> bool:
        """Return whether the row has a tick that approves it with other ticked fields."""
        return self.decides_alone and self.counts_for_all

    @property
    def is_again_open(self) -> bool:
        """Return whether the later step's panel is open: it was when the form was sent, or its reason was refused."""
        was_refused = self.problem is not None and self.problem.control == AGAIN
        return was_refused or AGAIN in self.typed_again.marks

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Remarks about the change; while it is undecided that its value is an old one, and which rule left it."""
        if self.outcome:
            return self.change.tags
        echo = [Tag(echo_words(self.echo))] if self.echo else []
        echo += [Tag(self.refused, warns=True)] if self.refused else []
        left = [Tag(rule_words.left(trace)) for trace in self.field.rule_traces.all()]
        return (*self.change.tags, *echo, *left)

    @property
    def correction(self) -> Correction | None:
        proposed = "" if self.is_conflict else self.field.proposed_value
        return correction(self.column, self.typed.value, proposed, self.found)

    @property
    def now_differs(self) -> bool:
        """Whether the CRM held another value than the original before the decision, as far as was read."""
        field = self.field
        if field.is_undecided:
            return warnings.changed_in_crm(field, self.column)
        if field.crm_now_read_at is None or self.column is None or not self.now_is_past:
            return False
        return not conversion.same(self.column.type, self._held[0], field.original_value)

    @property
    def now_is_past(self) -> bool:
        """Whether the field is decided, so that the value is what the reviewer saw, and is not read any more."""
        return self._review is not None and self.field.delivery in (*UNDER_WAY, *IN_THE_CRM)

    @property
    def _review(self) -> Decision | None:
        """The reviewer's decision, where no later step was taken: that one saw what the decision had written."""
        is_decided = self.field.decision in (FieldDecision.APPROVED, FieldDecision.REJECTED)
        last = outcomes.last_decision(self.field) if is_decided else None
        return last if last is not None and last.kind == Kind.REVIEW else None

    @property
    def _held(self) -> tuple[str | None, str]:
        """What the CRM holds, with its label; once decided, what it held then, for the writing makes it another."""
        field, known = self.field, (self.field.crm_now_value, self.field.crm_now_label)
        if self._review is None or self._review.expected_value == field.crm_now_value:
            return known
        return self._review.expected_value, field.label_of(self._review.expected_value)

    @property
    def now_is_proposed(self) -> bool:
        """Whether the CRM held the proposal already."""
        column = self.column
        return column is not None and conversion.same(column.type, self._held[0], self.field.proposed_value)

    @property
    def now(self) -> DiffSide:
        """That value, marked against the original."""
        original = (self.field.original_value, self.field.original_label)
        return values.diff_values(self.column, original, self._held).after

    @property
    def lost(self) -> str:
        """Return who had decided what, where a restore lost the newest decision; '' otherwise."""
        newest = next(iter(self.field.decisions.all()), None)
        return outcomes.lost_words(newest) if newest is not None and newest.state == DecisionState.LOST else ""

    @property
    def is_recognized(self) -> bool:
        """Return whether its decision was found in the CRM after a restore."""
        last = outcomes.last_decision(self.field) if self.outcome else None
        return last is not None and last.is_recognized

    @property
    def recognized_by(self) -> str:
        """Return who took that decision, as the CRM's row names them; '' where the portal superseded it."""
        last = outcomes.last_decision(self.field)
        return last.recognized_by if last is not None and last.kind != Kind.SUPERSEDE else ""

    @property
    def written_as(self) -> DiffSide | None:
        """Return what the CRM made of the value that was written, where that is another."""
        last = outcomes.last_decision(self.field) if self.outcome else None
        if last is None or not last.is_adjusted or self.field.delivery not in IN_THE_CRM:
            return None
        return values.unmarked(self.column, last.written_value, self.field.label_of(last.written_value))

    @property
    def corrected(self) -> DiffSide | None:
        """What was approved instead of the proposal."""
        last = outcomes.last_decision(self.field) if self.outcome else None
        if last is None or not last.is_corrected:
            return None
        return values.unmarked(self.column, last.value_to_write, last.corrected_label)
