"""Mails about a run that waits for a second person, was paused automatically, took long, or is being undone.

A mail is queued in the transaction that changes the run; its text is written when it is sent.
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
# A smaller run that started immediately, without a confirmation, ends while its person is still watching the page.
MIN_USERS_TO_NOTIFY = 20
_MAX_RECIPIENTS = 20


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """The people who were asked by mail to confirm, and those whose mail failed."""

    people: tuple[Person, ...]
    unreached: tuple[Person, ...]


def notify_waiting(subject: FilterRun | FilterPolicy, *, confirmer: Person | None = None) -> None:
    """Ask people who may confirm, at most _MAX_RECIPIENTS, or only `confirmer` if they are one of them."""
    everyone = confirmers_of(subject)
    _queue([confirmer] if confirmer in everyone else everyone[:_MAX_RECIPIENTS], subject, WAITS)


def notify_other_confirmers(subject: FilterRun | FilterPolicy) -> int:
    """Ask people who may confirm and have not been asked yet, at most _MAX_RECIPIENTS; return how many."""
    already_asked = notification_result(subject).people
    others = [each for each in confirmers_of(subject) if messages.can_receive(each) and each not in already_asked]
    _queue(others[:_MAX_RECIPIENTS], subject, WAITS)
    return len(others[:_MAX_RECIPIENTS])


def notify_paused(run: FilterRun) -> None:
    """Report that the run was paused automatically, or that its pilot is done."""
    _queue(_responsible_people(run), run, PAUSED)


def notify_done(run: FilterRun) -> None:
    """Report that the run ended, if it took long enough that its person may have left the page."""
    if run.confirmed_by_id or run.starts_at or run.users >= MIN_USERS_TO_NOTIFY:
        _queue(_responsible_people(run), run, DONE)


def notify_undone(reverse: FilterRun, *, by: Person) -> None:
    """Notify everyone responsible for a run when another person starts to undo it."""
    _queue([person for person in _responsible_people(reverse) if person != by], reverse, UNDONE)


def confirmers_of(subject: FilterRun | FilterPolicy) -> list[Person]:
    """Return the people who could be the second person, sorted by name."""
    return possible_confirmers(excluding=subject.person_id if isinstance(subject, FilterRun) else subject.repair_by_id)


def possible_confirmers(*, excluding: UUID | None) -> list[Person]:
    """Return the people who may confirm others' runs, except the person `excluding`, sorted by name."""
    roles = Q(**{ROLE_COLUMNS[Role.FILTER_MANAGER]: True}) | Q(**{ROLE_COLUMNS[Role.ADMINISTRATOR]: True})
    people = Person.objects.filter(roles, is_active=True)
    return by_name(people.exclude(pk=excluding) if excluding else people)[:100]


def notification_result(subject: FilterRun | FilterPolicy) -> NotificationResult:
    """Return who was asked by mail to confirm, according to the mails themselves."""
    people = [person.pk for person in confirmers_of(subject)]
    conditions = {f"details__{name}": value for name, value in _details(subject, WAITS).items()}
    sent = Message.objects.filter(kind=MessageKind.RUN, recipient__in=people, **conditions)
    mails = sorted(sent.select_related("recipient"), key=lambda mail: search_key(mail.recipient.name))
    failed = {mail.recipient for mail in mails if mail.state == JobState.FAILED}
    reached = tuple(dict.fromkeys(mail.recipient for mail in mails if mail.recipient not in failed))
    return NotificationResult(reached, tuple(by_name(failed)))


def _responsible_people(run: FilterRun) -> list[Person]:
    """Return the people who started and confirmed the run; for an undo, also those of the undone run and its policy."""
    people = [run.person, run.confirmed_by]
    if run.undoes:
        people += [run.undoes.person, run.undoes.confirmed_by]
        if run.undoes.policy:
            people += [run.undoes.policy.author, run.undoes.policy.repair_by, run.undoes.policy.confirmed_by]
    return list(dict.fromkeys(person for person in people if person))


def _queue(recipients: Iterable[Person], subject: FilterRun | FilterPolicy, event: str) -> None:
    for person in recipients:
        messages.queue(MessageKind.RUN, to=person, details=_details(subject, event))


def _details(subject: FilterRun | FilterPolicy, event: str) -> dict[str, str]:
    return {"run" if isinstance(subject, FilterRun) else "policy": str(subject.pk), "news": event}
