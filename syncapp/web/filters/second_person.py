"""The second person of a run or a policy on its page: who may confirm, who was told, a link to send to others."""

from __future__ import annotations

from functools import cached_property

from django.urls import reverse

from syncapp.models import FilterPolicy, FilterRun, Person
from syncapp.models.person import Role
from syncapp.notifications import links
from syncapp.outbox import messages
from syncapp.sync_filters.runs import notification_rules
from syncapp.sync_filters.runs.notification_rules import Told

_MOST_NAMED = 3


class SecondPersons:
    """Answers for the templates; each runs its query once, and only where it is shown."""

    def __init__(self, subject: FilterRun | FilterPolicy, person: Person) -> None:
        self.subject, self.person = subject, person

    @property
    def address(self) -> str:
        """Return the page's whole address, to be sent to a colleague."""
        name = "filter_run" if isinstance(self.subject, FilterRun) else "policy"
        return links.absolute(reverse(name, args=[self.subject.pk]))

    @property
    def may_add_people(self) -> bool:
        return self.person.has_role(Role.ADMINISTRATOR)

    @cached_property
    def known(self) -> list[Person]:
        if isinstance(self.subject, FilterPolicy) and self.subject.repair_by_id is None:
            return notification_rules.second_persons(but=self.person.pk)
        return notification_rules.who_may_confirm(self.subject)

    @cached_property
    def reachable(self) -> list[Person]:
        """Return people who may confirm and can receive mail."""
        return [person for person in self.known if messages.can_receive(person)]

    @property
    def unreachable(self) -> list[Person]:
        return [person for person in self.known if person not in self.reachable]

    @cached_property
    def told(self) -> Told:
        return notification_rules.told(self.subject)

    @property
    def not_told(self) -> list[Person]:
        """Return people who can still be asked by mail."""
        return [person for person in self.reachable if person not in self.told.people]

    @property
    def not_told_words(self) -> str:
        """Return the names of a few, the number of many."""
        people = self.not_told
        return f"{len(people)} more" if len(people) > _MOST_NAMED else ", ".join(person.name for person in people)
