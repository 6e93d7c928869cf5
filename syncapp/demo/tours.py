"""The demo's tours, and which of their steps the database shows as done since the demo began."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from syncapp.models import Arrival, AuditEntry, FilterRun, Message, Person
from syncapp.models.outbox import MessageKind

TOURS: Mapping[str, tuple[str, ...]] = {
    "review": ("edited", "rita", "decided", "written"),
    "mail": ("mailed", "rob", "confirmed"),
    "filters": ("run", "policy", "resumed"),
}
_DECISIONS = ("field.review.approved", "field.review.rejected")


@dataclass(frozen=True, slots=True)
class Progress:
    """The steps that are done."""

    done: frozenset[str]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for each tour how many steps are done, and how many it has."""
        return {tour: (len(self.done & set(steps)), len(steps)) for tour, steps in TOURS.items()}

    @property
    def current(self) -> str:
        """Return the first tour that was begun and is not finished; '' if there is none."""
        return next((tour for tour, (done, steps) in self.counts.items() if 0 < done < steps), "")


def progress() -> Progress:
    """Return the steps that people have done."""
    return Progress(frozenset(step for step, is_done in _STEPS.items() if is_done()))


def _has_entry(*actions: str, **conditions: object) -> bool:
    return AuditEntry.objects.filter(action__in=actions, **conditions).exists()


def _signed_in(first_name: str, **conditions: object) -> bool:
    return Person.objects.filter(name__startswith=f"{first_name} ", signed_in_at__isnull=False, **conditions).exists()


def _rob_followed_a_mail() -> bool:
    """Return whether Rob signed in after a mail was sent to him; opening its link leaves no row."""
    first = _mails_to_rob().order_by("finished_at").values_list("finished_at", flat=True).first()
    return first is not None and _signed_in("Rob", signed_in_at__gte=first)


def _mails_to_rob() -> QuerySet[Message]:
    kinds = (MessageKind.NEW_EDITS, MessageKind.DIGEST)
    return Message.objects.filter(recipient__name__startswith="Rob ", kind__in=kinds, finished_at__isnull=False)


_STEPS: Mapping[str, Callable[[], bool]] = {
    "edited": lambda: Arrival.objects.exists(),
    "rita": lambda: _signed_in("Rita"),
    "decided": lambda: all(_has_entry(action, actor__isnull=False) for action in _DECISIONS),
    "written": lambda: _has_entry("field.delivery.written"),
    "mailed": lambda: _mails_to_rob().exists(),
    "rob": _rob_followed_a_mail,
    "confirmed": lambda: _has_entry(*_DECISIONS, actor__name__startswith="Rob "),
    "run": lambda: FilterRun.objects.filter(policy__isnull=True, started_at__isnull=False).exists(),
    "policy": lambda: _has_entry("policy.repairs", "policy.repair_asked"),
    "resumed": lambda: _has_entry("gate.opened", actor__isnull=False),
}
