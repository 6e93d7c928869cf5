"""Reviewers at the portal: they decide by what their forms show, and each decision is recorded as expected."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dataverse_sandbox import config
from dataverse_sandbox.config import PEOPLE
from syncapp.models import Decision, Person, SyncField
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.person import Role
from syncapp.models.review.decision import Outcome
from syncapp.review import context, decisions, follow_ups
from syncapp.review.decisions import Choice
from syncapp.review.errors import ReviewError
from tests.machine.expectations import Expectations, ExpectedDecision
from tests.machine.oracle import IN_THE_CRM, Violation
from tests.support.people import make_person

NAMES = ("Rita Lindqvist", "Rob Marchetti", "Ada Brennan")


def create_reviewers() -> dict[str, Person]:
    """Create the reviewers with the Entra object ids that the CRM has of them."""
    return {person.name: _person(person) for person in PEOPLE if person.name in NAMES}


def _person(known: config.Person) -> Person:
    roles = [role for role in Role if role.value in known.roles]
    return make_person(known.name, *roles, oid=uuid.UUID(known.object_id))


@dataclass(frozen=True, slots=True)
class Form:
    """A form on a reviewer's screen, possibly opened a while ago."""

    field: uuid.UUID
    column: str
    seen: str
    proposed: str | None
    crm_now: str | None
    was_superseded: bool

    @classmethod
    def of(cls, field: SyncField) -> Form:
        """Return the form as it is rendered now."""
        superseded = field.decision == FieldDecision.SUPERSEDED
        seen = context.digest(field)
        return cls(field.pk, field.column_name, seen, field.proposed_value, field.expected_value, superseded)


class Reviewers:
    """The reviewers' steps; each is refused (ReviewError) or recorded as the reviewer intended it."""

    def __init__(self, people: dict[str, Person], expected: Expectations) -> None:
        self._people = people
        self._expected = expected

    def submit(self, form: Form, outcome: Outcome, *, by: str, corrected: str | None = None) -> None:
        """Decide one field."""
        self.submit_all([(form, outcome)], by=by, corrected=corrected)

    def submit_all(self, wanted: Sequence[tuple[Form, Outcome]], *, by: str, corrected: str | None = None) -> None:
        """Decide all of an edit's fields in one submit; `corrected` replaces the proposal."""
        is_corrected = corrected is not None
        choices = [
            Choice(form.field, outcome, form.seen, is_corrected=is_corrected, corrected_value=corrected)
            for form, outcome in wanted
        ]
        taken = decisions.decide(choices, by=self._people[by]).taken
        ids = {decision.field_id: str(decision.pk) for decision in taken}
        for form, outcome in wanted:
            if form.field in ids:
                value = corrected if is_corrected else form.proposed
                self._record(ids[form.field], form, outcome, by=by, value=value)

    def _record(self, decision_id: str, form: Form, outcome: Outcome, *, by: str, value: str | None) -> None:
        writes = outcome == Outcome.APPROVED
        if form.was_superseded and writes:
            raise Violation("a superseded value was approved")
        wanted = value if writes else None
        self._expected.add(
            ExpectedDecision(decision_id, str(form.field), form.column, by, writes, wanted, form.crm_now)
        )

    def put_back(self, field: SyncField, *, by: str) -> None:
        """Put back the value that the approval replaced."""
        last = self._last(field)
        value, expected = (last.expected, last.value) if last else (None, None)
        step = partial(follow_ups.put_back, field.pk, by=self._people[by], reason="wrong person")
        self._follow_up(step, field, by=by, value=value, expected=expected)

    def approve_after_all(self, field: SyncField, *, by: str) -> None:
        """Approve the rejected value after all."""
        last = self._last(field)
        expected = last.value if last and last.writes else field.expected_value
        step = partial(follow_ups.approve_after_all, field.pk, by=self._people[by], reason="was right")
        self._follow_up(step, field, by=by, value=field.proposed_value, expected=expected)

    def _follow_up(
        self, step: Callable[[], Decision], field: SyncField, *, by: str, value: str | None, expected: str | None
    ) -> None:
        try:
            decision = step()
        except ReviewError:
            return
        self._expected.add(
            ExpectedDecision(str(decision.pk), str(field.pk), field.column_name, by, True, value, expected)
        )

    def _last(self, field: SyncField) -> ExpectedDecision | None:
        """Return the expected decision that is in the CRM."""
        last = field.decisions.filter(state__in=IN_THE_CRM).order_by("-version").first()
        return self._expected.taken.get(str(last.pk)) if last is not None else None

    def undo(self, taken: ExpectedDecision, *, by: str) -> None:
        """Undo a decision, if it is not too late."""
        try:
            decisions.undo(uuid.UUID(taken.id), by=self._people[by])
        except ReviewError:
            return
        taken.undone = True

    def retry(self, field: SyncField, *, by: str) -> None:
        """Retry a failed decision."""
        try:
            decisions.retry(field.pk, by=self._people[by])
        except ReviewError:
            return
