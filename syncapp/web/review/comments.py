"""What people do together about one edit, as its page shows it: whose it is, until when it is parked, what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.urls import reverse
from django.utils import timezone

from syncapp.models import Comment, Person, SyncRecord
from syncapp.models.folding import by_name
from syncapp.models.person import Role
from syncapp.notifications import links
from syncapp.outbox import messages
from syncapp.review import collaboration
from syncapp.web.review.forms import Problem


@dataclass(frozen=True, slots=True)
class Control:
    """An input: what was typed there when the form was sent, and whether it was refused."""

    typed: str
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A remark or a question, with the answers that it got and the input for the next one."""

    comment: Comment
    answers: tuple[Comment, ...]
    reply: Control

    @property
    def is_question(self) -> bool:
        return self.comment.kind == Comment.Kind.QUESTION

    @property
    def waits(self) -> bool:
        """Whether nobody has answered."""
        return self.is_question and not self.answers


class Talk:
    """Read when the template asks for it, and once."""

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
    def remark(self) -> Control:
        """Return the input of a remark."""
        return self._control("remark")

    @property
    def question(self) -> Control:
        """Return the input of a question."""
        return self._control("question")

    @property
    def colleague(self) -> Control:
        """Return the choice of the colleague to ask."""
        return self._control("whom")

    @property
    def park_until(self) -> Control:
        """Return the input of the day to park until."""
        return self._control("park_until")

    def _control(self, name: str) -> Control:
        is_refused = self.problem is not None and self.problem.control == name
        return Control(self._sent.get(name, ""), is_refused)

    @property
    def may_arrange(self) -> bool:
        """Whether the person may park and assign."""
        return self.person.has_role(Role.REVIEWER)

    @property
    def is_mine(self) -> bool:
        return self.record.assigned_to_id == self.person.pk

    @cached_property
    def said(self) -> list[Said]:
        """Remarks and questions, the oldest first."""
        people = Comment.objects.filter(record=self.record).select_related("by", "asked").order_by("at", "pk")
        found = list(people)
        return [
            Said(each, tuple(_answers(each, found)), self._control(f"answer.{each.pk}"))
            for each in found
            if each.question_id is None
        ]

    @cached_property
    def colleagues(self) -> list[Person]:
        """Who can be asked."""
        return by_name(collaboration.colleagues(self.person))

    @property
    def reachable(self) -> list[Person]:
        """Return those who can receive mail."""
        return [person for person in self.colleagues if messages.can_receive(person)]

    @property
    def may_add_people(self) -> bool:
        return self.person.has_role(Role.ADMINISTRATOR)

    @property
    def address(self) -> str:
        """Return the edit's whole address, to be sent to a colleague who is not known yet."""
        return links.absolute(reverse("record", args=[self.record.pk]))

    @property
    def days(self) -> list[tuple[date, str]]:
        """Days to park until that people choose most."""
        today = timezone.localdate()
        monday = today + timedelta(days=7 - today.weekday())
        days = {monday: "Next Monday", self.tomorrow: "Tomorrow", today + timedelta(days=30): "In 30 days"}
        return sorted(days.items())

    @property
    def tomorrow(self) -> date:
        """The first day that can be chosen."""
        return timezone.localdate() + timedelta(days=1)


def _answers(question: Comment, comments: Iterable[Comment]) -> Iterable[Comment]:
    return (each for each in comments if each.question_id == question.pk)
