"""The outcome of a field in words: one for each state of its decision and its delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from syncapp import preferences
from syncapp.models import Decision, Person, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import reasons
from syncapp.web.base import holds, times
from syncapp.web.base.holds import HoldReason

MAX_READ_BACK_DELAY = timedelta(seconds=30)
BEFORE_RESTORE = "before a restore"
REVOKED = (DecisionState.UNDONE, DecisionState.REPLACED, DecisionState.LOST)  # no longer a field's last decision


@dataclass(frozen=True, slots=True)
class OutcomePresenter:
    """The text in place of a field's buttons.

    `seconds_left`: the time until the undo window ends; `follow_up`: the action that is possible later; `newer`: the
    edit that superseded the field.
    """

    icon: str
    tone: str
    title: str
    hint: str = ""
    undo: UUID | None = None
    seconds_left: int | None = None
    follow_up: str = ""
    newer: UUID | None = None

    @property
    def undo_window(self) -> float:
        """Return the length of the undo window in seconds."""
        return preferences.read().undo_window


WAITING = OutcomePresenter("clock", "none", "Waiting")
UNREADABLE = OutcomePresenter("alert", "bad", "Cannot be read", "so it cannot be decided here")
CONFLICT = OutcomePresenter("split", "none", "Conflict", "the CRM’s value changed after the edit")


def outcome(
    field: SyncField, *, person: Person, held: HoldReason = holds.reason, newer: UUID | None = None
) -> OutcomePresenter | None:
    """Return the field's outcome, None while it is undecided. `held` says why nothing is written now."""
    if field.decision == FieldDecision.PENDING:
        return None
    if field.decision == FieldDecision.SUPERSEDED:
        return OutcomePresenter("newer", "none", "Superseded", "by a newer edit", newer=newer)
    if field.decision == FieldDecision.WITHDRAWN:
        why = "decided in the CRM itself" if field.crm_state else "the edit is no longer in the CRM"
        when = f" {times.at(field.finished_at)}" if field.finished_at else ""
        return OutcomePresenter("gone", "none", "Withdrawn", why + when)
    last = last_decision(field)
    if last is None:
        return OutcomePresenter("clock", "none", FieldDecision(field.decision).label)
    delivery = FieldDelivery(field.delivery)
    if delivery == FieldDelivery.SENT:
        return _present_writing(last, person)
    if delivery == FieldDelivery.WAITING:
        return _present_waiting(last, person, held)
    if delivery == FieldDelivery.DONE:
        return _present_done(field, last, person)
    if delivery == FieldDelivery.ALREADY:
        follow_up = "put_back" if field.decision == FieldDecision.APPROVED else "approve_after_all"
        return OutcomePresenter("check", "good", "Already in the CRM", "nothing was written", follow_up=follow_up)
    hint = f"{last.get_outcome_display().lower()} by {_decider_name(last, person)} {times.at(last.decided_at)}"
    return OutcomePresenter("stop-sign", "bad", "Not written", hint)


def outcome_or_state(field: SyncField, *, person: Person, held: HoldReason = holds.reason) -> OutcomePresenter:
    """Return the field's outcome, or why it has none yet."""
    undecided = CONFLICT if field.delivery == FieldDelivery.CONFLICT else WAITING
    if field.unreadable:
        undecided = UNREADABLE
    return outcome(field, person=person, held=held) or undecided


def last_decision(field: SyncField) -> Decision | None:
    """Return the newest decision that still stands, from `field.decisions` as prefetched, newest first."""
    return next((each for each in field.decisions.all() if each.state not in REVOKED), None)


_LOST_ACTIONS = {
    Kind.PUT_BACK: "asked to put the old value back",
    Kind.AFTER_ALL: "approved this after all",
}


def lost_words(lost: Decision) -> str:
    """Return who decided what and when, before a database restore lost it."""
    action = _LOST_ACTIONS.get(Kind(lost.kind), f"{lost.get_outcome_display().lower()} this")
    decider, when = lost.decider or "Someone", times.at(lost.decided_at)
    return f"{decider[:1].upper()}{decider[1:]} {action} {when}, before the portal’s database was restored."


def is_read_back(field: SyncField, last: Decision) -> bool:
    """Return whether the mirror has read our decision's mark on the staging row: proof that the CRM committed it."""
    return field.crm_decision_id == str(last.pk)


def awaits_reading_back(field: SyncField) -> bool:
    """Return whether the field was written moments ago and our mark has not been read back from the CRM yet."""
    last = last_decision(field)
    if last is None or field.finished_at is None or is_read_back(field, last):
        return False
    return timezone.now() - field.finished_at < MAX_READ_BACK_DELAY


def may_undo(last: Decision, person: Person) -> bool:
    """Return whether this person may undo the decision while it is not being written."""
    return last.decided_by_id == person.pk or (person.is_reviewer and (person.is_administrator or bool(last.rule_id)))


def _present_waiting(last: Decision, person: Person, held: HoldReason) -> OutcomePresenter:
    left = times.seconds_left(last.due_at)
    is_open = last.state == DecisionState.OPEN
    undo = last.pk if is_open and may_undo(last, person) else None
    if is_open and left:
        icon = "check" if last.outcome == "approved" or last.writes else "cross"
        state = "written" if last.writes else "final"
        hint = f"undo for {left} s, then held" if held() else f"{state} in {left} s"
        return OutcomePresenter(icon, "accent", _title(last, person), hint, undo=undo, seconds_left=left)
    if held() and not _is_being_checked(last):
        return OutcomePresenter("pause", "warn", f"{_title(last, person)}, held", held(), undo=undo)
    return _present_writing(last, person, undo=undo)


def _title(last: Decision, person: Person) -> str:
    kinds = {Kind.PUT_BACK: "Old value put back", Kind.AFTER_ALL: "Approved after all"}
    word = kinds.get(Kind(last.kind), last.get_outcome_display())
    is_by_another = last.decided_by_id != person.pk and last.decider
    return f"{word} by {last.decider}" if is_by_another else word


def _is_being_checked(last: Decision) -> bool:
    """Return whether the CRM's answer was lost; the CRM is then read to find out whether the write succeeded."""
    delivery = last.delivery
    return delivery is not None and (delivery.state == JobState.VERIFY or delivery.outcome_unknown)


def _present_writing(last: Decision, person: Person, *, undo: UUID | None = None) -> OutcomePresenter:
    delivery = last.delivery
    if _is_being_checked(last):
        return OutcomePresenter("retry", "none", "Checking the CRM", "its answer was lost; reading back")
    word = "being written" if last.writes else "being marked in the CRM"
    hint = f"{word}; retried automatically" if delivery is not None and delivery.attempts > 1 else word
    return OutcomePresenter("clock", "none", _title(last, person), hint, undo=undo)


def _present_done(field: SyncField, last: Decision, person: Person) -> OutcomePresenter:
    if not last.writes:
        when, why = times.at(last.decided_at), reasons.describe(last.reason_code, last.reason)
        if not why[:3].isupper():  # an abbreviation stays in capitals
            why = why[:1].lower() + why[1:]
        rule = f"rule “{last.rule}”" if last.rule_id else ""
        decided = when if rule else f"by {_decider_name(last, person)} {when}"
        parts = filter(None, [rule, why, decided, BEFORE_RESTORE if last.is_recognized else ""])
        return OutcomePresenter("cross", "none", "Rejected", "; ".join(parts), follow_up="approve_after_all")
    when, by = times.at(last.finished_at or last.decided_at), f"by {_decider_name(last, person)}"
    read_back = ", read back" if is_read_back(field, last) else ""
    hint = f"{when}{read_back}; {by}"
    if last.is_recognized:
        hint = f"{by} {when}; {BEFORE_RESTORE}"  # the decider first, because a narrow column cuts off the rest
    if last.kind == Kind.PUT_BACK:
        return OutcomePresenter("undo", "none", "Old value put back", hint, follow_up="approve_after_all")
    if last.outcome == Outcome.REJECTED:
        return OutcomePresenter("cross", "none", "Rejected, original restored", hint, follow_up="approve_after_all")
    if last.rule_id:
        hint = f"rule “{last.rule}”; {when}{read_back}"
    return OutcomePresenter("check", "good", "Written", hint, follow_up="put_back")


def _decider_name(last: Decision, person: Person) -> str:
    return "you" if last.decided_by_id == person.pk else last.decider or "the portal"
