"""One field of the record page: its change, state and controls."""

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
from syncapp.review import context, decisions, groups
from syncapp.review.bulk import warnings
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide, Tag, ValueDiff
from syncapp.review.history import FormerValue
from syncapp.web.base import times
from syncapp.web.review import outcomes
from syncapp.web.review.corrections import Correction, correction
from syncapp.web.review.decision_form import FOLLOW_UP, FieldInput, Problem
from syncapp.web.review.outcomes import OutcomePresenter
from syncapp.web.review.restores import RestorePresenter
from syncapp.web.settings import rule_words

UNKNOWN_FIELD = "Unknown field"
CONTACT_DELETED = OutcomePresenter("gone", "none", "Contact deleted", "in the CRM; it is not created again")
EMPTY_INPUT = FieldInput()
WRITING_STATES = (FieldDelivery.WAITING, FieldDelivery.SENT)
WRITTEN_STATES = (FieldDelivery.DONE, FieldDelivery.ALREADY)


@dataclass(frozen=True, slots=True)
class FieldPresenter:
    """One row of the record page.

    - `locked` says why this person cannot decide the field.
    - `group` is the name of the group with which it is decided, '' for none.
    - `rejected_before` says who rejected the same value before, when and why.
    - `crm_problem` says why the live value could not be read just now.
    - `restore` is the result of restoring it, None for an edit that capture did not stage.
    - `repeated` is the result of restoring it when Outlook last sent a rejected value again.
    """

    field: SyncField
    column: Column | None
    change: ValueDiff
    outcome: OutcomePresenter | None
    locked: OutcomePresenter | None
    input: FieldInput
    follow_up_input: FieldInput = EMPTY_INPUT
    problem: Problem | None = None
    echo: FormerValue | None = None
    rejected_before: str = ""
    group: str = ""
    is_in_group: bool = False
    is_undone_with_group: bool = False
    lookup_rows: Sequence[NamedRow] = ()
    crm_problem: str = ""
    restore: RestorePresenter | None = None
    repeated: RestorePresenter | None = None

    @property
    def id(self) -> uuid.UUID:
        return self.field.pk

    @property
    def label(self) -> str:
        return self.column.label if self.column else self.field.column_name or UNKNOWN_FIELD

    @property
    def unreadable(self) -> str:
        """Return which value of an undecided field or its edit could not be read, '' for none."""
        is_decided = self.field.decision != FieldDecision.PENDING
        return "" if is_decided else self.field.unreadable or self.field.record.unreadable

    @property
    def seen(self) -> str:
        """Return the digest of the shown values, for the form to send back."""
        return context.digest(self.field)

    @property
    def is_conflict(self) -> bool:
        return self.field.delivery == FieldDelivery.CONFLICT and not self.field.contact_is_gone

    @property
    def is_failed(self) -> bool:
        return self.field.delivery == FieldDelivery.FAILED

    @property
    def is_deleted(self) -> bool:
        """Return whether the field is undecided and its contact was deleted in the CRM."""
        return self.field.is_undecided and self.field.contact_is_gone

    @property
    def deleted_outcome(self) -> OutcomePresenter:
        return CONTACT_DELETED

    @property
    def can_decide(self) -> bool:
        return self.locked is None and (self.field.is_undecided or self.is_failed)

    @property
    def is_in_approve_all(self) -> bool:
        """Return whether "Approve all" and "Reject all" include the field."""
        return self.locked is None and groups.is_groupable(self.field, self.column)

    @property
    def is_being_written(self) -> bool:
        return self.field.delivery in WRITING_STATES and self.field.decision != FieldDecision.SUPERSEDED

    @property
    def changes_by_itself(self) -> bool:
        """Return whether the page polls for the field: it is being written, or has not been read back yet."""
        is_awaited = self.field.delivery in WRITTEN_STATES and outcomes.awaits_reading_back(self.field)
        return self.is_being_written or (is_awaited and self.field.decision != FieldDecision.SUPERSEDED)

    @property
    def decides_alone(self) -> bool:
        """Return whether the field's row has its own buttons, rather than those in the header row of its group."""
        return self.can_decide and not self.group

    @property
    def can_be_ticked(self) -> bool:
        return self.decides_alone and self.is_in_approve_all

    @property
    def is_follow_up_open(self) -> bool:
        """Return whether the panel for a reason was open when the form was sent, or that reason was refused."""
        was_refused = self.problem is not None and self.problem.control == FOLLOW_UP
        return was_refused or FOLLOW_UP in self.follow_up_input.marks

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Return notes about the change; for an undecided field also its history and the rules that skipped it."""
        tags = [*self.change.tags]
        if self.field.repeats:
            times_again = "once more" if self.field.repeats == 1 else f"{self.field.repeats} more times"
            last = f", last {times.at(self.field.repeated_at)}" if self.field.repeated_at else ""
            tags.append(Tag(f"Outlook sent this {times_again} after it was rejected{last}", warns=True))
            if self.repeated is not None and self.repeated.tag:
                tags.append(Tag(f"{self.repeated.tag}: the rejected value is in the CRM", warns=True))
        if self.outcome:
            return tuple(tags)
        if self.field.echoed_at:
            day = times.day(self.field.echoed_at)
            tags.append(Tag(f"another program wrote the same value on {day}", warns=True))
        if self.echo:
            day = times.day(self.echo.at)
            tags.append(Tag(f"the CRM’s value until {day}" if self.echo.ended else f"the CRM had this value on {day}"))
        if self.rejected_before:
            tags.append(Tag(self.rejected_before, warns=True))
        return (*tags, *(Tag(rule_words.left_to_people(trace)) for trace in self.field.rule_traces.all()))

    @property
    def correction(self) -> Correction | None:
        proposed = "" if self.is_conflict or self.is_changed_in_crm else self.field.proposed_value
        return correction(self.column, self.input.value, proposed, self.lookup_rows)

    @property
    def crm_differs(self) -> bool:
        """Return whether the value last read before the decision shows a change in the CRM after staging."""
        field = self.field
        if field.is_undecided:
            return warnings.is_changed_in_crm(field, self.column)
        if field.crm_now_read_at is None or self.column is None or not self.is_crm_value_final:
            return False
        return not warnings.may_be_left_by_staging(field, self.column, self._crm_value[0])

    @property
    def is_changed_in_crm(self) -> bool:
        """Return whether the CRM got another value after the edit; the reviewer then chooses which one to keep."""
        is_open = self.field.is_undecided and not self.is_conflict and not self.is_deleted
        return is_open and self.crm_differs and not self.crm_has_proposal

    @property
    def restore_tag(self) -> str:
        """Return a few words if the original of an undecided field was not restored, else ''."""
        return self.restore.tag if self.restore is not None and self.field.is_undecided else ""

    @property
    def live_note(self) -> str:
        """Return why the original was not restored, and what approving and rejecting do then; '' if it was restored."""
        field = self.field
        if not field.is_undecided or field.record.is_restored or field.contact_is_gone:
            return ""
        if self.restore is not None and self.restore.is_restored:
            return ""  # the original of another field of the edit was not restored
        why = self.restore.why if self.restore is not None else ""
        return " ".join(filter(None, [why, self._live_choices]))

    @property
    def _live_choices(self) -> str:
        if self.approving_keeps_proposal:
            return "The CRM holds the proposed value: approving keeps it, rejecting writes the original."
        if self.field.has_unknown_original:
            return "Rejecting changes nothing in the CRM."
        return ""

    @property
    def approving_keeps_proposal(self) -> bool:
        """Return whether the CRM holds the proposal; approving then keeps it, and rejecting writes the original."""
        if self.restore is not None:
            is_read = self.field.crm_now_read_at is not None
            if self.restore.is_restored or (self.restore.left_another_value and not is_read):
                return False
        return self.field.is_undecided and decisions.puts_original_back(self.field, self.column)

    @property
    def is_crm_value_final(self) -> bool:
        """Return whether the field is decided; its live value is then no longer read."""
        return self._review_decision is not None and self.field.delivery in (*WRITING_STATES, *WRITTEN_STATES)

    @property
    def crm_has_proposal(self) -> bool:
        column = self.column
        return column is not None and conversion.same(column.type, self._crm_value[0], self.field.proposed_value)

    @property
    def crm_value(self) -> DiffSide:
        """Return the CRM's value, marked against the original."""
        original = (self.field.original_value, self.field.original_label)
        return values.diff_values(self.column, original, self._crm_value).after

    @property
    def lost_words(self) -> str:
        """Return the newest decision in words if a database restore lost it, else ''."""
        newest = next(iter(self.field.decisions.all()), None)
        return outcomes.lost_words(newest) if newest is not None and newest.state == DecisionState.LOST else ""

    @property
    def is_recognized(self) -> bool:
        """Return whether the field's decision was found in the CRM after a database restore."""
        return self._last_decision is not None and self._last_decision.is_recognized

    @property
    def recognized_by(self) -> str:
        """Return the decider of the recognized decision, as the CRM's row names them; '' if it was superseded."""
        last = outcomes.last_decision(self.field)
        return last.recognized_by if last is not None and last.kind != Kind.SUPERSEDE else ""

    @property
    def written_as(self) -> DiffSide | None:
        """Return the value that the CRM stored, if it adjusted the written one."""
        last = self._last_decision
        if last is None or not last.is_adjusted or self.field.delivery not in WRITTEN_STATES:
            return None
        return values.format_unmarked(self.column, last.written_value, self.field.label_of(last.written_value))

    @property
    def corrected_value(self) -> DiffSide | None:
        """Return the value that was approved instead of the proposal."""
        last = self._last_decision
        if last is None or not last.is_corrected:
            return None
        return values.format_unmarked(self.column, last.value_to_write, last.corrected_label)

    @property
    def _last_decision(self) -> Decision | None:
        return outcomes.last_decision(self.field) if self.outcome else None

    @property
    def _review_decision(self) -> Decision | None:
        """Return the reviewer's decision; None after a follow-up, because the CRM's value before it was our own."""
        is_decided = self.field.decision in (FieldDecision.APPROVED, FieldDecision.REJECTED)
        last = outcomes.last_decision(self.field) if is_decided else None
        return last if last is not None and last.kind == Kind.REVIEW else None

    @property
    def _crm_value(self) -> tuple[str | None, str]:
        """Return the CRM's value with its label; for a decided field, the value at the time of the decision."""
        field, known = self.field, (self.field.crm_now_value, self.field.crm_now_label)
        if self._review_decision is None or self._review_decision.expected_value == field.crm_now_value:
            return known
        return self._review_decision.expected_value, field.label_of(self._review_decision.expected_value)
