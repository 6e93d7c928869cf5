"""The second person for a run or a policy, on its page: people who can confirm, people asked, and a link to send."""

from __future__ import annotations

from functools import cached_property

from django.urls import reverse

from syncapp.models import FilterPolicy, FilterRun, Person
from syncapp.models.person import Role
from syncapp.notifications import links
from syncapp.outbox import messages
from syncapp.sync_filters.runs import notification_rules
from syncapp.sync_filters.runs.notification_rules import NotificationResult

_MAX_NAMED = 3


class SecondPersonPresenter:
    """Values for the templates; each runs its query once, and only if it is shown."""

    def __init__(self, subject: FilterRun | FilterPolicy, person: Person) -> None:
        self.subject, self.person = subject, person

    @property
    def address(self) -> str:
        """Return the absolute address of the page, to be sent to a colleague."""
        name = "filter_run" if isinstance(self.subject, FilterRun) else "policy"
        return links.absolute(reverse(name, args=[self.subject.pk]))

    @property
    def may_add_people(self) -> bool:
        return self.person.has_role(Role.ADMINISTRATOR)

    @cached_property
    def confirmers(self) -> list[Person]:
        if isinstance(self.subject, FilterPolicy) and self.subject.repair_by_id is None:
            return notification_rules.possible_confirmers(excluding=self.person.pk)
        return notification_rules.confirmers_of(self.subject)

    @cached_property
    def reachable(self) -> list[Person]:
        """Return the people who can confirm and receive mail."""
        return [person for person in self.confirmers if messages.can_receive(person)]

    @property
    def unreachable(self) -> list[Person]:
        return [person for person in self.confirmers if person not in self.reachable]

    @cached_property
    def notification_result(self) -> NotificationResult:
        return notification_rules.notification_result(self.subject)

    @property
    def not_notified(self) -> list[Person]:
        """Return the people who can be asked by mail but have not been yet."""
        return [person for person in self.reachable if person not in self.notification_result.people]

    @property
    def not_notified_words(self) -> str:
        """Return the names of a few people, or the number of many."""
        people = self.not_notified
        return f"{len(people)} more" if len(people) > _MAX_NAMED else ", ".join(person.name for person in people)
