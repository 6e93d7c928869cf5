"""What became of a field, in words: one answer for each state that the two axes and the last decision allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from syncapp import preferences
from syncapp.models import Decision, Person, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind
from syncapp.review import reasons
from syncapp.web.base import holds, times
from syncapp.web.base.holds import HoldReason

LONGEST_READING_BACK = timedelta(seconds=30)
BEFORE_RESTORE = "before a restore"

NOT_THE_LAST = (DecisionState.UNDONE, DecisionState.REPLACED, DecisionState.LOST)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The words that stand where the buttons were. `again` names the step that is possible later."""

    icon: str
    tone: str
    title: str
    hint: str = ""
    undo: UUID | None = None
    left: int | None = None
    again: str = ""
    newer: UUID | None = None

    @property
    def window(self) -> float:
        """How long the undo window is in all, in seconds."""
        return preferences.read().undo_window


def outcome(
    field: SyncField, *, person: Person, held: HoldReason = holds.reason, newer: UUID | None = None
) -> Outcome | None:
    """Return the field's outcome, or None while it is undecided.

    `newer` is the edit that superseded it, `held` says why nothing is written now.
    """
    if field.decision == FieldDecision.PENDING:
        return None
    if field.decision == FieldDecision.SUPERSEDED:
        return Outcome("newer", "none", "Superseded", "by a newer edit", newer=newer)
    if field.decision == FieldDecision.WITHDRAWN:
        return Outcome("gone", "none", "Withdrawn", _why_withdrawn(field))
    last = last_decision(field)
    if last is None:
        return Outcome("clock", "none", FieldDecision(field.decision).label)
    delivery = FieldDelivery(field.delivery)
    if delivery in (FieldDelivery.WAITING, FieldDelivery.SENT):
        return _under_way(delivery, last, person, held)
    return _BY_DELIVERY[delivery](field, last, person)


WAITS = Outcome("clock", "none", "Waiting", "nobody has decided it")
UNREADABLE = Outcome("alert", "bad", "Cannot be read", "it cannot be decided here")
CONFLICT = Outcome("split", "none", "Conflict", "CRM’s value changed after the edit")


def state(field: SyncField, *, person: Person, held: HoldReason = holds.reason) -> Outcome:
    """The field's outcome, or that it waits or is a conflict."""
    undecided = CONFLICT if field.delivery == FieldDelivery.CONFLICT else WAITS
    if field.unreadable:
        undecided = UNREADABLE
    return outcome(field, person=person, held=held) or undecided


def last_decision(field: SyncField) -> Decision | None:
    """The newest decision that was not taken back. Reads `field.decisions`, which the page has fetched in order."""
    return next((each for each in field.decisions.all() if each.state not in NOT_THE_LAST), None)


_LOST = {
    Kind.PUT_BACK: "asked to put the old value back",
    Kind.AFTER_ALL: "approved this after all",
}


def lost_words(lost: Decision) -> str:
    """Say who had decided what, and when, before a restore lost it."""
    what = _LOST.get(Kind(lost.kind), f"{lost.get_outcome_display().lower()} this")
    who = lost.decider or "Someone"
    return f"{who[:1].upper()}{who[1:]} {what} {times.at(lost.decided_at)}, before the portal’s database was restored."


def is_read_back(field: SyncField, last: Decision) -> bool:
    """Whether the mirror has read our decision's mark on the staging row: proof that the CRM committed it."""
    return field.crm_decision_id == str(last.pk)


def awaits_reading_back(field: SyncField) -> bool:
    """Whether it was written moments ago and the mirror has not seen our mark on the staging row yet."""
    last = last_decision(field)
    if last is None or field.finished_at is None or is_read_back(field, last):
        return False
    return timezone.now() - field.finished_at < LONGEST_READING_BACK


def _why_withdrawn(field: SyncField) -> str:
    where = "decided in CRM itself" if field.crm_state else "the edit is no longer in CRM"
    return f"{where} {times.at(field.finished_at)}" if field.finished_at else where


def _under_way(delivery: FieldDelivery, last: Decision, person: Person, held: HoldReason) -> Outcome:
    left = times.seconds_left(last.due_at)
    is_open = last.state == DecisionState.OPEN
    undo = last.pk if is_open and may_undo(last, person) else None
    if delivery == FieldDelivery.SENT:
        return _being_written(last, person)
    if is_open and left:
        what = "written" if last.writes else "final"
        hint = f"undo for {left} s, then held" if held() else f"{what} in {left} s"
        return Outcome(_icon(last), "accent", _title(last, person), hint, undo=undo, left=left)
    if held() and not _is_checked(last):
        return Outcome("pause", "warn", f"{_title(last, person)}, held", held(), undo=undo)
    return _being_written(last, person, undo=undo)


def may_undo(last: Decision, person: Person) -> bool:
    """Return whether this person may undo the decision while it is not being written."""
    return last.decided_by_id == person.pk or (person.is_reviewer and (person.is_administrator or bool(last.rule_id)))


def _icon(last: Decision) -> str:
    return "check" if last.outcome == "approved" or last.writes else "cross"


def _title(last: Decision, person: Person) -> str:
    word = {Kind.PUT_BACK: "Old value put back", Kind.AFTER_ALL: "Approved after all"}.get(
        Kind(last.kind), last.get_outcome_display()
    )
    others = last.decided_by_id != person.pk and last.decider
    return f"{word} by {last.decider}" if others else word


def _is_checked(last: Decision) -> bool:
    """Return whether the CRM's answer was lost, so that the CRM is read to learn the outcome of the write."""
    delivery = last.delivery
    return delivery is not None and (delivery.state == JobState.VERIFY or delivery.outcome_unknown)


def _being_written(last: Decision, person: Person, *, undo: UUID | None = None) -> Outcome:
    delivery = last.delivery
    if _is_checked(last):
        return Outcome("retry", "none", "Checking CRM", "its answer was lost; reading back")
    word = "being written" if last.writes else "being marked in CRM"
    hint = f"{word}; the next try comes by itself" if delivery is not None and delivery.attempts > 1 else word
    return Outcome("clock", "none", _title(last, person), hint, undo=undo)


def _done(field: SyncField, last: Decision, person: Person) -> Outcome:
    when, restored = times.at(last.finished_at or last.decided_at), BEFORE_RESTORE if last.is_recognized else ""
    if not last.writes:
        why = reasons.describe(last.reason_code, last.reason)
        said = times.at(last.decided_at) if last.rule_id else f"by {_name(last, person)} {times.at(last.decided_at)}"
        hint = "; ".join(filter(None, [_rule(last), _uncapitalised(why), said, restored]))
        return Outcome("cross", "none", "Rejected", hint, again="approve_after_all")
    read_back = ", read back" if is_read_back(field, last) else ""
    # Who decided comes first where that is the news: a narrow column shows no more.
    hint = (
        f"by {_name(last, person)} {when}; {restored}" if restored else f"{when}{read_back}; by {_name(last, person)}"
    )
    if last.kind == Kind.PUT_BACK:
        return Outcome("undo", "none", "Old value put back", hint, again="approve_after_all")
    if last.rule_id:
        hint = f"{_rule(last)}; {when}{read_back}"
    return Outcome("check", "good", "Written", hint, again="put_back")


def _rule(last: Decision) -> str:
    """The rule that decided, first in the line: it is what one asks about a decision that nobody took."""
    return f"rule “{last.rule}”" if last.rule_id else ""


def _uncapitalised(words: str) -> str:
    return words[:1].lower() + words[1:] if not words[:3].isupper() else words


def _already(field: SyncField, last: Decision, person: Person) -> Outcome:
    again = "put_back" if field.decision == FieldDecision.APPROVED else "approve_after_all"
    return Outcome("check", "good", "Was already so", "nothing was written", again=again)


def _failed(field: SyncField, last: Decision, person: Person) -> Outcome:
    hint = f"{last.get_outcome_display().lower()} by {_name(last, person)} {times.at(last.decided_at)}"
    return Outcome("stop-sign", "bad", "Not written", hint)


def _name(last: Decision, person: Person) -> str:
    return "you" if last.decided_by_id == person.pk else last.decider or "the portal"


_BY_DELIVERY = {
    FieldDelivery.DONE: _done,
    FieldDelivery.ALREADY: _already,
    FieldDelivery.FAILED: _failed,
}
