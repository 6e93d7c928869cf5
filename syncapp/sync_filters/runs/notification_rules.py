"""Mails about a run: that it waits for a second person, paused by itself, ended after a while, or is undone.

Made in the transaction that moves the run; what it says is read when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from syncapp.models import FilterPolicy, FilterRun, Message, Person
from syncapp.models.folding import by_name, search_key
from syncapp.models.jobs.job import JobState
from syncapp.models.outbox import MessageKind
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.outbox import messages

WAITS, PAUSED, DONE, UNDONE = "waits", "paused", "done", "undone"
# Of a run over fewer users, which nobody else confirmed and that started at once, its person sees the end on the page.
FEWEST_FOR_A_MAIL = 20
_MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class Told:
    """People who were asked by mail to confirm, and people without an address."""

    people: tuple[Person, ...]
    unreached: tuple[Person, ...]


def waits(subject: FilterRun | FilterPolicy, *, asked: Person | None = None) -> None:
    """Ask one person to confirm, or everybody who may."""
    _tell([asked] if asked else who_may_confirm(subject)[:_MOST_ASKED], subject, WAITS)


def ask_others(subject: FilterRun | FilterPolicy) -> int:
    """Ask those who may confirm and were not told yet; return how many."""
    known = told(subject).people
    people = [each for each in who_may_confirm(subject) if messages.can_receive(each) and each not in known][
        :_MOST_ASKED
    ]
    _tell(people, subject, WAITS)
    return len(people)


def paused(run: FilterRun) -> None:
    """Tell that it stopped itself, or that its pilot is done."""
    _tell(_concerned(run), run, PAUSED)


def done(run: FilterRun) -> None:
    """Tell that it ended, after so long that the person is not expected to have waited for it."""
    if run.confirmed_by_id or run.starts_at or run.users >= FEWEST_FOR_A_MAIL:
        _tell(_concerned(run), run, DONE)


def undone(reverse: FilterRun, *, by: Person) -> None:
    """Tell everybody who answers for a run that it is being undone, but the person who undoes it."""
    _tell([person for person in _concerned(reverse) if person != by], reverse, UNDONE)


def who_may_confirm(subject: FilterRun | FilterPolicy) -> list[Person]:
    """Return those who could be the second person, by name."""
    return second_persons(but=subject.person_id if isinstance(subject, FilterRun) else subject.repair_by_id)


def second_persons(*, but: UUID | None) -> list[Person]:
    """Return everybody who may confirm what another person switches, by name."""
    roles = Q(**{ROLE_COLUMNS[Role.FILTER_MANAGER]: True}) | Q(**{ROLE_COLUMNS[Role.ADMINISTRATOR]: True})
    people = Person.objects.filter(roles, is_active=True)
    return by_name(people.exclude(pk=but) if but else people)[:100]


def told(subject: FilterRun | FilterPolicy) -> Told:
    """Return who was asked by mail to confirm, by the mails themselves."""
    people = [person.pk for person in who_may_confirm(subject)]
    about = {f"details__{name}": value for name, value in _details(subject, WAITS).items()}
    sent = Message.objects.filter(kind=MessageKind.RUN, recipient__in=people, **about)
    mails = sorted(sent.select_related("recipient"), key=lambda mail: search_key(mail.recipient.name))
    failed = {mail.recipient for mail in mails if mail.state == JobState.FAILED}
    reached = tuple(dict.fromkeys(mail.recipient for mail in mails if mail.recipient not in failed))
    return Told(reached, tuple(by_name(failed)))


def _concerned(run: FilterRun) -> list[Person]:
    """Return who answers for a run: who started and confirmed it, of an undo also those of the run that it undoes."""
    people = [run.person, run.confirmed_by]
    if run.undoes:
        people += [run.undoes.person, run.undoes.confirmed_by]
        if run.undoes.policy:
            people += [run.undoes.policy.author, run.undoes.policy.repair_by, run.undoes.policy.confirmed_by]
    return list(dict.fromkeys(person for person in people if person))


def _tell(readers: Iterable[Person], subject: FilterRun | FilterPolicy, news: str) -> None:
    for person in readers:
        messages.queue(MessageKind.RUN, to=person, details=_details(subject, news))


def _details(subject: FilterRun | FilterPolicy, news: str) -> dict[str, str]:
    return {"run" if isinstance(subject, FilterRun) else "policy": str(subject.pk), "news": news}
