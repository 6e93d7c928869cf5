"""Comments, questions, parking and assignment of one edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.urls import reverse
from django.utils import timezone

from syncapp.models import Comment, CrmUser, Person, SyncRecord
from syncapp.models.folding import by_name
from syncapp.models.person import Role
from syncapp.notifications import links
from syncapp.outbox import messages
from syncapp.review import collaboration
from syncapp.web.review.decision_form import Problem


@dataclass(frozen=True, slots=True)
class InputState:
    """The content of an input when the form was sent, and whether it was refused."""

    value: str
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment or a question with its answers, and the input for the next one."""

    comment: Comment
    answers: tuple[Comment, ...]
    reply: InputState

    @property
    def is_question(self) -> bool:
        return self.comment.kind == Comment.Kind.QUESTION

    @property
    def is_unanswered(self) -> bool:
        return self.is_question and not self.answers


class CommentsPresenter:
    """Lazily computed values of the comments beside an edit."""

    def __init__(
        self,
        record: SyncRecord,
        person: Person,
        *,
        problem: Problem | None = None,
        sent: Mapping[str, str] | None = None,
    ) -> None:
        self.record, self.person, self.problem = record, person, problem
        self._sent = sent or {}

    @property
    def remark(self) -> InputState:
        return self._input("remark")

    @property
    def question(self) -> InputState:
        return self._input("question")

    @property
    def colleague(self) -> InputState:
        return self._input("whom")

    @property
    def park_until(self) -> InputState:
        return self._input("park_until")

    def _input(self, name: str) -> InputState:
        is_refused = self.problem is not None and self.problem.control == name
        return InputState(self._sent.get(name, ""), is_refused)

    @property
    def may_assign(self) -> bool:
        """Return whether the person may assign and park the edit."""
        return self.person.has_role(Role.REVIEWER)

    @property
    def is_mine(self) -> bool:
        return self.record.assigned_to_id == self.person.pk

    @cached_property
    def threads(self) -> list[Thread]:
        """Return comments and questions, oldest first."""
        found = list(Comment.objects.filter(record=self.record).select_related("by", "asked").order_by("at", "pk"))
        return [
            Thread(
                comment,
                tuple(answer for answer in found if answer.question_id == comment.pk),
                self._input(f"answer.{comment.pk}"),
            )
            for comment in found
            if comment.question_id is None
        ]

    @cached_property
    def colleagues(self) -> list[Person]:
        return by_name(collaboration.colleagues(self.person))

    @cached_property
    def editor(self) -> CrmUser | None:
        """Return the person who edited in Outlook, if they can be asked by mail and the reader can get the reply."""
        return collaboration.editor_to_ask(self.record) if "@" in self.person.address else None

    @cached_property
    def reachable(self) -> frozenset[Person]:
        """Return the colleagues who can get mail; each is checked only once."""
        return frozenset(person for person in self.colleagues if messages.can_receive(person))

    @property
    def may_add_people(self) -> bool:
        return self.person.has_role(Role.ADMINISTRATOR)

    @property
    def address(self) -> str:
        """Return the edit's full URL, to send to a colleague."""
        return links.absolute(reverse("record", args=[self.record.pk]))

    @property
    def park_days(self) -> list[tuple[date, str]]:
        """Return the days offered for parking, with their labels."""
        return park_days()

    @property
    def tomorrow(self) -> date:
        return timezone.localdate() + timedelta(days=1)


def park_days() -> list[tuple[date, str]]:
    """Return the days offered for parking, with their labels."""
    today = timezone.localdate()
    monday, tomorrow = today + timedelta(days=7 - today.weekday()), today + timedelta(days=1)
    return sorted({monday: "Next Monday", tomorrow: "Tomorrow", today + timedelta(days=30): "In 30 days"}.items())
